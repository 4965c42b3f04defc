"""Training as a generator of epochs; the caller decides about each."""

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from src.data.splits import Augment, Split, Splits
from src.metrics import EPOCH_SECONDS, LR, Epoch
from src.training.diagnostics import Loss, diagnose
from src.training.measures import Measure, measured

# Large enough for fast products, small enough to stay in cache and for a network's memory.
EVALUATION_BATCH, EVALUATION_VALUES = 2_000, 2_000 * 28 * 28


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    splits: Splits,
    *,
    loss: Loss,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    order: torch.Generator,
    epochs: range,
    batch_size: int,
    clip_norm: float | None,
    diagnostics: bool,
    per_update: bool = False,
    augment: Augment | None = None,
    measures: Mapping[str, Measure] = MappingProxyType({}),
) -> Iterator[Epoch]:
    """Train for `epochs`, numbered from 1, and yield each with its exact errors.

    `order` draws the batches; the schedule steps at every epoch, or `per_update`. `augment`
    changes the inputs of updates, `measures` are taken beside loss and error. An epoch with a
    loss that is not finite is the last.
    """
    for epoch in epochs:
        start = time.perf_counter()
        lr = optimizer.param_groups[0]["lr"]
        each = schedule if per_update else None
        train_epoch(
            model, optimizer, splits.train, loss, order, batch_size, clip_norm, augment, each
        )
        if not per_update:
            schedule.step()
        found = {
            f"{name}/{key}": value
            for name, split in (("train", splits.train), ("val", splits.val))
            for key, value in evaluate(model, split, loss, measures).items()
        }
        found |= {LR: lr, EPOCH_SECONDS: time.perf_counter() - start}
        if diagnostics:
            found |= diagnose(model, splits.train, loss)
        result = Epoch.of(epoch, found)
        yield result
        if result.diverged:
            return


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Split,
    loss: Loss,
    order: torch.Generator,
    batch_size: int,
    clip_norm: float | None,
    augment: Augment | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> None:
    """Update once for every batch of a fresh permutation of `train`; the last may be smaller."""
    model.train()
    permutation = torch.randperm(len(train), generator=order).to(train.rows.device)
    for inputs, labels in train.batches(permutation, batch_size, augment):
        optimizer.zero_grad()
        loss(model(inputs), labels).backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        if schedule is not None:
            schedule.step()


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    split: Split,
    loss: Loss,
    measures: Mapping[str, Measure] = MappingProxyType({}),
) -> dict[str, float]:
    """Return the mean loss over samples, the fraction of wrong predictions, and `measures`."""
    total_loss = total_wrong = torch.zeros((), device=split.rows.device)
    kept = []
    for labels, logits in _outputs(model, split):
        assert labels is not None, "an unlabelled set has no error"
        total_loss = total_loss + loss(logits, labels) * len(logits)
        total_wrong = total_wrong + (logits.argmax(1) != labels).sum()
        if measures:
            kept.append((logits, labels))
    found = {"loss": total_loss.item() / len(split), "error": total_wrong.item() / len(split)}
    if kept:
        logits, labels = map(torch.cat, zip(*kept, strict=True))
        found |= measured(measures, logits, labels)
    return found


def predict(model: nn.Module, split: Split) -> Tensor:
    """Return logits (N, classes) for a split, on the CPU."""
    return torch.cat([logits for _, logits in _outputs(model, split)]).cpu()


@torch.inference_mode()
def _outputs(model: nn.Module, split: Split) -> Iterator[tuple[Tensor | None, Tensor]]:
    model.eval()
    size = max(1, EVALUATION_VALUES // split.inputs[0].numel())
    size = min(size, EVALUATION_BATCH)
    for start in range(0, len(split), size):
        inputs, labels = split.batch(slice(start, start + size))
        yield labels, model(inputs)
