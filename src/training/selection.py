"""Selection of the epoch that is kept: that of lowest validation error, or best by a metric."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from src.metrics import (
    BEST_EPOCH,
    BEST_VAL_ERROR,
    BUILT_IN,
    FINAL_TRAIN_ERROR,
    FINAL_VAL_ERROR,
    VAL_ERROR,
    Epoch,
    Metric,
    best_epoch,
)
from src.status import Outcome

if TYPE_CHECKING:
    from torch import Tensor, nn

Weights = dict[str, "Tensor"]  # a state dict


@dataclass(frozen=True)
class Result:
    """The outcome of a training: its epochs, the best of them with its weights, and its end."""

    history: list[Epoch]
    best: Epoch | None  # the earliest of equals; None when every epoch diverged
    weights: Weights | None  # of the model after the best epoch
    outcome: Outcome

    @property
    def summary(self) -> dict[str, float]:
        """The metrics tracked once, at the end, without the test error."""
        last = self.history[-1]
        summary = {FINAL_TRAIN_ERROR: last.train_error, FINAL_VAL_ERROR: last.val_error}
        if self.best:
            summary |= {BEST_VAL_ERROR: self.best.val_error, BEST_EPOCH: self.best.epoch}
        return summary


def end_epoch(nested: Mapping[str, Any]) -> int:
    """Return the epoch at which a training ends, unless it diverges or runs out of patience."""
    return nested["stop_after"] or nested["epochs"]


def keep_best(
    epochs: Iterator[Epoch],
    model: "nn.Module",
    patience: int | None,
    *,
    by: str = VAL_ERROR,
    metrics: Mapping[str, Metric] = BUILT_IN,
    earlier: Sequence[Epoch] = (),
    weights: Weights | None = None,
    save: Callable[[list[Epoch], Weights | None], None] | None = None,
) -> Result:
    """Run through `epochs` and keep the best weights of `model`.

    Stops after `patience` epochs without a better value of the metric that is tracked as `by`;
    None: never. `metrics` are those there are. `earlier` and `weights` are the epochs and best
    weights of a training that was cut off; `save` receives both after every epoch.
    """
    history = list(earlier)
    select = partial(best_epoch, by=by, known=metrics)
    outcome = _ended(history, select(history), patience)
    for epoch in () if outcome else epochs:
        before = select(history)
        history.append(epoch)
        if select(history) is not before:
            weights = {key: value.clone() for key, value in model.state_dict().items()}
        if save:
            save(history, weights)
        if outcome := _ended(history, select(history), patience):
            break
    return Result(history, select(history), weights, outcome or Outcome.FINISHED)


def _ended(history: list[Epoch], best: Epoch | None, patience: int | None) -> Outcome | None:
    """Return the outcome of a training that has ended, else None."""
    if history and history[-1].diverged:
        return Outcome.DIVERGED
    if patience and best and history[-1].epoch - best.epoch >= patience:
        return Outcome.STOPPED
    return None
