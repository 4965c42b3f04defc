"""Which epoch of a training counts: the one of the lowest validation error."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from src.metrics import Epoch, lowest

Weights = dict[str, Tensor]  # a state dict


@dataclass(frozen=True)
class Result:
    """What a training gave: its epochs, the best of them with its weights, and how it ended."""

    history: list[Epoch]
    best: Epoch | None  # the earliest of equals; None when every epoch diverged
    weights: Weights | None  # of the model after the best epoch
    outcome: str  # finished, stopped (early) or diverged

    @property
    def summary(self) -> dict[str, float]:
        """What is tracked once, at the end, without the test error."""
        last = self.history[-1]
        summary = {"final/train_error": last.train_error, "final/val_error": last.val_error}
        if self.best:
            summary |= {"best/val_error": self.best.val_error, "best/epoch": self.best.epoch}
        return summary


def keep_best(
    epochs: Iterator[Epoch],
    model: nn.Module,
    patience: int | None,
    *,
    earlier: Sequence[Epoch] = (),
    weights: Weights | None = None,
    save: Callable[[list[Epoch], Weights | None], None] | None = None,
) -> Result:
    """Run through `epochs` and keep the best weights of `model`.

    Stops after `patience` epochs without a better validation error; None: never. A training
    that was cut off brings its `earlier` epochs and the best `weights` of those; `save` is
    called after every epoch with what it would have to bring.
    """
    history = list(earlier)
    outcome = _ended(history, patience)
    for epoch in () if outcome else epochs:
        before = lowest(history)
        history.append(epoch)
        if lowest(history) is not before:
            weights = {key: value.clone() for key, value in model.state_dict().items()}
        if save:
            save(history, weights)
        if outcome := _ended(history, patience):
            break
    return Result(history, lowest(history), weights, outcome or "finished")


def _ended(history: list[Epoch], patience: int | None) -> str | None:
    """How the training ended, if it has."""
    if history and history[-1].diverged:
        return "diverged"
    best = lowest(history)
    if patience and best and history[-1].epoch - best.epoch >= patience:
        return "stopped"
    return None
