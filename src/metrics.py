"""What training measures: an `Epoch` as it happens, a `Run` as the tracking server holds it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

TRACKED = {  # field of Epoch: metric
    "train_loss": "train/loss",
    "train_error": "train/error",
    "val_loss": "val/loss",
    "val_error": "val/error",
    "lr": "lr",
    "seconds": "epoch_seconds",
}
BEST_VAL_ERROR, TEST_ERROR = "best/val_error", "test/error"
SUMMARY = ("final/", "best/", "test/")  # how metrics begin that are tracked once, at the end


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set and the two exact evaluations after it.

    *loss* is the mean over samples, *error* the fraction wrong in [0, 1].
    """

    epoch: int  # counts from 1
    train_loss: float
    train_error: float
    val_loss: float
    val_error: float
    lr: float  # the learning rate of this epoch's updates
    seconds: float  # wall time of updates and evaluations together
    diagnostics: Mapping[str, float] = field(default_factory=dict)  # by metric

    @property
    def metrics(self) -> dict[str, float]:
        """The values by the names under which they are tracked."""
        return {name: getattr(self, key) for key, name in TRACKED.items()} | {**self.diagnostics}

    @classmethod
    def of(cls, epoch: int, metrics: Mapping[str, float]) -> Self:
        """The epoch that has these metrics; what is not among them is NaN."""
        values = {key: metrics.get(name, math.nan) for key, name in TRACKED.items()}
        others = {k: v for k, v in metrics.items() if k not in TRACKED.values()}
        return cls(epoch, **values, diagnostics=others)

    @property
    def diverged(self) -> bool:
        """Whether a loss stopped being a number; what comes after it means nothing."""
        return not (math.isfinite(self.train_loss) and math.isfinite(self.val_loss))


@dataclass(frozen=True)
class Run:
    """One job (variant x seed) as the tracking server holds it."""

    run_id: str
    name: str
    status: str  # MLflow's: FINISHED, FAILED, KILLED, RUNNING, SCHEDULED
    outcome: str  # finished, stopped (early) or diverged; "" while unknown
    seed: int
    config: Mapping[str, str]  # the resolved config, flattened, without the seed
    dataset: str  # name of the dataset trained on
    digest: str  # digest of its content and of the subset and target drawn from it
    split: str  # digest of the rows in train, val and test: equal means the same digits
    epochs: tuple[Epoch, ...]
    test_error: float = math.nan  # at the best validation epoch
    published: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Epoch | None:
        """The epoch that counts."""
        return lowest(self.epochs)


def lowest(epochs: Sequence[Epoch]) -> Epoch | None:
    """The epoch of the lowest validation error, the earliest of equals; None if all diverged."""
    usable = [epoch for epoch in epochs if not epoch.diverged]
    return min(usable, key=lambda epoch: epoch.val_error, default=None)
