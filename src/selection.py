"""Which epoch of a training counts: the one of the lowest validation error."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from src.metrics import Epoch


@dataclass(frozen=True)
class Result:
    """What a training gave: its epochs, the best of them with its weights, and how it ended."""

    history: list[Epoch]
    best: Epoch | None  # the earliest of equals; None when every epoch diverged
    weights: dict[str, Tensor] | None  # the model's state dict after the best epoch
    outcome: str  # finished, stopped (early) or diverged

    @property
    def figures(self) -> dict[str, float]:
        """What is tracked once, without the test error."""
        last = self.history[-1]
        figures = {"final/train_error": last.train_error, "final/val_error": last.val_error}
        if self.best:
            figures |= {"best/val_error": self.best.val_error, "best/epoch": self.best.epoch}
        return figures


def keep_best(epochs: Iterator[Epoch], model: nn.Module, patience: int | None) -> Result:
    """Run through `epochs` and keep the best weights of `model`.

    Stops after `patience` epochs without a better validation error; None: never.
    """
    history: list[Epoch] = []
    best, weights = None, None
    for epoch in epochs:
        history.append(epoch)
        if epoch.diverged:
            return Result(history, best, weights, "diverged")
        if best is None or epoch.val_error < best.val_error:
            best = epoch
            weights = {key: value.clone() for key, value in model.state_dict().items()}
        elif patience and epoch.epoch - best.epoch >= patience:
            return Result(history, best, weights, "stopped")
    return Result(history, best, weights, "finished")
