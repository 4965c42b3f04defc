"""Train, validation and test sets as rows of one pool of images."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from src.errors import InputError
from src.rng import stream

READ_AHEAD = 1_024  # images converted at once: few operations, and they stay in the cache
TARGETS = {"digit": lambda labels: labels, "high_digit": lambda labels: (labels >= 5).long()}


@dataclass(frozen=True)
class Split:
    """Rows of a pool that other splits, jobs and processes share: nothing is copied.

    The pool keeps its pixels as bytes, a quarter of the memory of floats; a batch becomes
    float32 in [0, 1] when it is drawn, which costs no time next to the update it is drawn for.
    """

    images: Tensor  # (M, 1, 28, 28) uint8, the pool
    labels: Tensor | None  # (M,) int64; None: unlabelled
    rows: Tensor  # (N,) int64, into the pool

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: Tensor | slice) -> tuple[Tensor, Tensor | None]:
        """Return images (B, 1, 28, 28) float32 in [0, 1] and labels (B,) at `positions`."""
        rows = self.rows[positions]
        # index_select copies whole rows, twenty times as fast as self.images[rows].
        images = self.images.index_select(0, rows).float().mul_(1 / 255)
        return images, None if self.labels is None else self.labels[rows]

    def batches(self, positions: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `batch` for every `batch_size` of `positions` in turn; the last may be smaller.

        Small batches are converted many at a time: on several threads, converting 64 images
        takes longer than training on them.
        """
        ahead = max(1, READ_AHEAD // batch_size) * batch_size
        for many in positions.split(ahead):
            images, labels = self.batch(many)
            assert labels is not None, "only labelled samples can be trained on"
            yield from zip(images.split(batch_size), labels.split(batch_size), strict=True)


@dataclass(frozen=True)
class Splits:
    """The sets that a job trains on, selects by, and reports."""

    train: Split
    val: Split
    test: Split | None
    name: str
    digest: str  # of content and target: 16 hexadecimal digits
    classes: int

    def to(self, device: torch.device) -> "Splits":
        """Return the splits with their pools on `device`, each pool moved once."""
        moved: dict[int, Tensor] = {}

        def move(tensor: Tensor) -> Tensor:
            return moved.setdefault(id(tensor), tensor.to(device))

        def move_split(split: Split) -> Split:
            labels = None if split.labels is None else move(split.labels)
            return Split(move(split.images), labels, move(split.rows))

        test = None if self.test is None else move_split(self.test)
        return replace(self, train=move_split(self.train), val=move_split(self.val), test=test)

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
    target: str,
    val_fraction: float,
    split_seed: int,
) -> Splits:
    """Draw `n` of the pool, stratified, then the validation set from those, stratified.

    `pool` is images (M, 1, 28, 28) uint8 and class labels (M,) int64; `test` has such labels too.
    Raises InputError if `n` exceeds the pool or a split would miss a class.
    """
    images, labels = pool[0], TARGETS[target](pool[1])
    if test is not None and test.labels is not None:
        test = replace(test, labels=TARGETS[target](test.labels))
    rows, draw = torch.arange(len(labels)), stream(split_seed, "split")
    if n is not None:
        if n > len(labels):
            raise InputError(f"data.n={n}: must be at most {len(labels)}, the samples of {name}")
        rows, _ = stratified(labels, rows, n, draw)
    val, train = stratified(labels, rows, round(len(rows) * val_fraction), draw)
    classes = int(labels.max()) + 1
    for key, split in (("training", train), ("validation", val)):
        missing = classes - len(labels[split].unique())
        if classes < 2 or missing:
            raise InputError(
                f"{name}, target={target}, {len(rows)} samples: the {key} set of {len(split)} "
                f"lacks {max(missing, 1)} of {max(classes, 2)} classes; take more samples "
                "or another data.val_fraction"
            )
    digest = hashlib.sha256(f"{content}/{target}".encode()).hexdigest()[:16]
    return Splits(
        Split(images, labels, train), Split(images, labels, val), test, name, digest, classes
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
