"""Train, validation and test sets as rows of one pool of examples."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor

from src.errors import InputError
from src.rng import stream

READ_AHEAD = 1_024  # examples converted at once: few operations, and they stay in the cache

Augment = Callable[[Tensor], Tensor]  # of inputs (B, *shape)


@dataclass(frozen=True)
class Split:
    """Rows of a pool that other splits, jobs and processes share: nothing is copied.

    A pool of bytes keeps them, a quarter of the memory of floats; a batch becomes float32 in
    [0, 1] when it is drawn, which costs no time next to the update it is drawn for.
    """

    inputs: Tensor  # (M, *shape) uint8 or float32, the pool
    labels: Tensor | None  # (M,) int64; None: unlabelled
    rows: Tensor  # (N,) int64, into the pool

    def __len__(self) -> int:
        return len(self.rows)

    def batch(
        self, positions: Tensor | slice, augment: Augment | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return inputs (B, *shape) float32, bytes as fractions of 255, and labels (B,)."""
        rows = self.rows[positions]
        # index_select copies whole rows, twenty times as fast as self.inputs[rows].
        inputs = self.inputs.index_select(0, rows)
        if inputs.dtype == torch.uint8:
            inputs = inputs.float().mul_(1 / 255)
        if augment:
            inputs = augment(inputs)
        return inputs, None if self.labels is None else self.labels[rows]

    def batches(
        self, positions: Tensor, batch_size: int, augment: Augment | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `batch` for every `batch_size` of `positions` in turn; the last may be smaller.

        Small batches are converted many at a time: on several threads, converting 64 images
        takes longer than training on them.
        """
        ahead = max(1, READ_AHEAD // batch_size) * batch_size
        for many in positions.split(ahead):
            inputs, labels = self.batch(many, augment)
            assert labels is not None, "only labelled samples can be trained on"
            yield from zip(inputs.split(batch_size), labels.split(batch_size), strict=True)


class Draw(TypedDict):
    """The keys of a data config that say what is drawn of its pool: see `make_splits`."""

    n: int | None
    val_fraction: float
    split_seed: int


@dataclass(frozen=True)
class Splits:
    """The sets that a job trains on, selects by, and reports."""

    train: Split
    val: Split
    test: Split | None
    name: str
    digest: str  # of content and target: 16 hexadecimal digits
    class_names: Sequence[str]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example: (channels, height, width) of an image, (features,) of a row."""
        return tuple(self.train.inputs.shape[1:])

    def map(self, change: Callable[[Split], Split]) -> "Splits":
        """Return splits with each of the sets changed."""
        test = None if self.test is None else change(self.test)
        return replace(self, train=change(self.train), val=change(self.val), test=test)

    def to(self, device: torch.device) -> "Splits":
        """Return the splits with their pools on `device`, each pool moved once."""
        moved: dict[int, Tensor] = {}

        def move(tensor: Tensor) -> Tensor:
            return moved.setdefault(id(tensor), tensor.to(device))

        def move_split(split: Split) -> Split:
            labels = None if split.labels is None else move(split.labels)
            return replace(split, inputs=move(split.inputs), labels=labels, rows=move(split.rows))

        return self.map(move_split)

    @property
    def split_digest(self) -> str:
        """A digest of the rows: equal for two jobs if they train and validate on the same ones."""
        content = hashlib.sha256(self.digest.encode())
        for split in (self.train, self.val):
            content.update(split.rows.cpu().numpy().tobytes())
        return content.hexdigest()[:16]


def make_splits(
    name: str,
    content: str,
    pool: tuple[Tensor, Tensor],
    test: Split | None,
    *,
    n: int | None,
    val_fraction: float,
    split_seed: int,
    class_names: Sequence[str] | None = None,
) -> Splits:
    """Draw `n` of the pool, stratified, then the validation set from those, stratified.

    `pool` is inputs (M, *shape) uint8 or float32 and labels (M,) int64, which count from 0;
    `content` says all that the data depend on; `class_names` are by label, which they are
    where they are not given. Raises InputError if `n` exceeds the pool or a split would miss a
    class.
    """
    inputs, labels = pool
    rows, draw = torch.arange(len(labels)), stream(split_seed, "split")
    if n is not None:
        if n > len(labels):
            raise InputError(f"data.n={n}: must be at most {len(labels)}, the samples of {name}")
        rows, _ = stratified(labels, rows, n, draw)
    val, train = stratified(labels, rows, round(len(rows) * val_fraction), draw)
    names = class_names or [str(label) for label in range(int(labels.max()) + 1)]
    if len(names) < 2:
        raise InputError(f"{name}: must have 2 classes at least; all samples are of {names[0]}")
    for key, split in (("training", train), ("validation", val)):
        if missing := len(names) - len(labels[split].unique()):
            raise InputError(
                f"{name}, {len(rows)} samples: the {key} set of {len(split)} lacks {missing} of "
                f"{len(names)} classes; take more samples or another data.val_fraction"
            )
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return Splits(
        Split(inputs, labels, train), Split(inputs, labels, val), test, name, digest, names
    )


def stratified(
    labels: Tensor, rows: Tensor, n: int, draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw `n` of `rows`, every class in proportion (largest remainders); return them, the others.

    `labels` is (M,) int64, `rows` (N,) int64 into it; both results are sorted.
    """
    counts = torch.bincount(labels[rows]).double()
    exact = counts * n / len(rows)
    take = exact.floor().long()
    largest_remainders = (exact - take).argsort(descending=True, stable=True)
    take[largest_remainders[: n - int(take.sum())]] += 1
    chosen, others = [], []
    for label, k in enumerate(take.tolist()):
        members = rows[labels[rows] == label]
        members = members[torch.randperm(len(members), generator=draw)]
        chosen.append(members[:k])
        others.append(members[k:])
    return torch.cat(chosen).sort().values, torch.cat(others).sort().values
