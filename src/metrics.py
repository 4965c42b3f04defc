"""The measures of training: an `Epoch` as it happens, a `Run` as the tracking server holds it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

# Metrics as tracked, one value an epoch ...
TRAIN_LOSS, TRAIN_ERROR = "train/loss", "train/error"
VAL_LOSS, VAL_ERROR = "val/loss", "val/error"
LR, EPOCH_SECONDS = "lr", "epoch_seconds"
# ... and once, at the end.
FINAL_TRAIN_ERROR, FINAL_VAL_ERROR = "final/train_error", "final/val_error"
BEST_VAL_ERROR, BEST_EPOCH = "best/val_error", "best/epoch"
TEST_ERROR = "test/error"  # at the best epoch
SUMMARY = ("final/", "best/", "test/")  # how the names of these begin

EPOCH_METRICS = {  # field of Epoch: metric
    "train_loss": TRAIN_LOSS,
    "train_error": TRAIN_ERROR,
    "val_loss": VAL_LOSS,
    "val_error": VAL_ERROR,
    "lr": LR,
    "seconds": EPOCH_SECONDS,
}


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
        """The values by their tracked names."""
        return {name: getattr(self, key) for key, name in EPOCH_METRICS.items()} | {
            **self.diagnostics
        }

    @classmethod
    def of(cls, epoch: int, metrics: Mapping[str, float]) -> Self:
        """Return the epoch with these metrics; those not given are NaN."""
        values = {key: metrics.get(name, math.nan) for key, name in EPOCH_METRICS.items()}
        others = {k: v for k, v in metrics.items() if k not in EPOCH_METRICS.values()}
        return cls(epoch, **values, diagnostics=others)

    @property
    def diverged(self) -> bool:
        """True if a loss is no longer a number; nothing after that has a meaning."""
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
    split: str  # digest of the rows in train, val and test: equal means the same samples
    epochs: tuple[Epoch, ...]
    test_error: float = math.nan  # at the best validation epoch
    published: Mapping[str, float] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)  # file -> digest, where they are known

    @property
    def best(self) -> Epoch | None:
        """The selected epoch."""
        return best_epoch(self.epochs)


def best_epoch(epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the epoch of the lowest validation error, the earliest of equals.

    None if all diverged.
    """
    usable = [epoch for epoch in epochs if not epoch.diverged]
    return min(usable, key=lambda epoch: epoch.val_error, default=None)
