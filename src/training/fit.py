"""Training as a generator of epochs; the caller decides about each."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from src.data.splits import Split, Splits
from src.metrics import Epoch
from src.training.diagnostics import Loss, diagnose

EVALUATION_BATCH = 2_000  # large enough for fast products, small enough to stay in cache


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
) -> Iterator[Epoch]:
    """Train for `epochs`, numbered from 1, and yield each with its exact errors.

    `order` draws the batches. An epoch with a loss that is not finite is the last.
    """
    for epoch in epochs:
        start = time.perf_counter()
        lr = optimizer.param_groups[0]["lr"]
        train_epoch(model, optimizer, splits.train, loss, order, batch_size, clip_norm)
        schedule.step()
        train_loss, train_error = evaluate(model, splits.train, loss)
        val_loss, val_error = evaluate(model, splits.val, loss)
        seconds = time.perf_counter() - start
        extra = diagnose(model, splits.train, loss) if diagnostics else {}
        result = Epoch(epoch, train_loss, train_error, val_loss, val_error, lr, seconds, extra)
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
) -> None:
    """Update once for every batch of a fresh permutation of `train`; the last may be smaller."""
    model.train()
    permutation = torch.randperm(len(train), generator=order).to(train.rows.device)
    for images, labels in train.batches(permutation, batch_size):
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()


def evaluate(model: nn.Module, split: Split, loss: Loss) -> tuple[float, float]:
    """Return the mean loss over samples and the fraction of wrong predictions."""
    total_loss = total_wrong = torch.zeros((), device=split.rows.device)
    for images, labels, logits in _outputs(model, split):
        assert labels is not None, "an unlabelled set has no error"
        total_loss = total_loss + loss(logits, labels) * len(images)
        total_wrong = total_wrong + (logits.argmax(1) != labels).sum()
    return total_loss.item() / len(split), total_wrong.item() / len(split)


def predict(model: nn.Module, split: Split) -> Tensor:
    """Return logits (N, classes) for a split, on the CPU."""
    return torch.cat([logits for _, _, logits in _outputs(model, split)]).cpu()


@torch.inference_mode()
def _outputs(model: nn.Module, split: Split) -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
    model.eval()
    for start in range(0, len(split), EVALUATION_BATCH):
        images, labels = split.batch(slice(start, start + EVALUATION_BATCH))
        yield images, labels, model(images)
