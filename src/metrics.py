"""Metrics, each with its name, direction, unit and format; an `Epoch` and a `Run` of their values.

A metric is tracked under its name after the split that it was measured on: `val/error` at every
epoch, `test/error` once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from src.errors import InputError
from src.status import Outcome, Status

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"


class Direction(StrEnum):
    """The better end of a metric's scale."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class Unit(StrEnum):
    """The unit in which people read a metric; files hold fractions and plain numbers."""

    PERCENT = "percent"
    NONE = "none"


@dataclass(frozen=True)
class Metric:
    """A measure of a classifier on a split."""

    name: str  # as in val/NAME
    direction: Direction
    unit: Unit

    @property
    def label(self) -> str:
        """The heading of its values: 'error %', 'loss'."""
        return f"{self.name} %" if self.unit == Unit.PERCENT else self.name

    @property
    def scale(self) -> float:
        """The factor from a stored value to one that people read."""
        return 100 if self.unit == Unit.PERCENT else 1

    def gain(self, a: float, b: float) -> float:
        """Return by how much `a` is better than `b`; negative where it is worse."""
        return b - a if self.direction == Direction.MINIMIZE else a - b

    def text(self, value: float) -> str:
        """Format a value: 0.0182 is '1.82' in percent and '0.0182' without unit; NaN is a dash."""
        if math.isnan(value):
            return MISSING
        digits = 2 if self.unit == Unit.PERCENT else 4
        return f"{self.scale * value:.{digits}f}".replace("-", MINUS)

    def difference(self, value: float) -> str:
        """Format a difference of two values with its sign, which 0 has not; NaN is a dash."""
        text = self.text(value)
        if text.strip("0.") in ("", MINUS, MISSING):
            return text.removeprefix(MINUS)
        return text if text.startswith(MINUS) else f"+{text}"


ERROR = Metric("error", Direction.MINIMIZE, Unit.PERCENT)  # the fraction of wrong predictions
LOSS = Metric("loss", Direction.MINIMIZE, Unit.NONE)  # what training minimises, mean over samples
BUILT_IN = {metric.name: metric for metric in (ERROR, LOSS)}

# Metrics as tracked, one value an epoch ...
TRAIN_LOSS, TRAIN_ERROR = "train/loss", "train/error"
VAL_LOSS, VAL_ERROR = "val/loss", "val/error"
LR, EPOCH_SECONDS = "lr", "epoch_seconds"
GRAD_NORM, SATURATED, DEAD = "grad_norm", "saturated", "dead"  # diagnostics, each by layer: dead/1
# ... and once, at the end.
FINAL_TRAIN_ERROR, FINAL_VAL_ERROR = "final/train_error", "final/val_error"
BEST_VAL_ERROR, BEST_EPOCH = "best/val_error", "best/epoch"
TEST_ERROR = "test/error"  # at the best epoch
SUMMARY = ("final/", "best/", "test/")  # how the names of these begin
SPLITS = ("train/", "val/", "test/", "final/train_", "final/val_", "best/val_")

EPOCH_METRICS = {  # field of Epoch: metric
    "train_loss": TRAIN_LOSS,
    "train_error": TRAIN_ERROR,
    "val_loss": VAL_LOSS,
    "val_error": VAL_ERROR,
    "lr": LR,
    "seconds": EPOCH_SECONDS,
}
EPOCH_FIELDS = {name: key for key, name in EPOCH_METRICS.items()}


def defined(params: Mapping[str, str]) -> dict[str, Metric]:
    """Return the metrics that a flat config defines, by name, and those that every job has."""
    found = dict(BUILT_IN)
    for key, direction in params.items():
        group, _, rest = key.partition(".")
        name, _, part = rest.rpartition(".")
        if group == "metrics" and part == "direction":
            unit = Unit(params.get(f"metrics.{name}.unit", Unit.NONE))
            found[name] = Metric(name, Direction(direction), unit)
    return found


def find_metric(tracked: str, known: Mapping[str, Metric] = BUILT_IN) -> Metric:
    """Return the metric that is tracked as `val/ece`, `best/val_error` or `val/class_error/3`.

    Raises InputError for a name without one of the splits, or of no metric that is `known`.
    """
    prefix = next((split for split in SPLITS if tracked.startswith(split)), None)
    name, _, part = tracked.removeprefix(prefix or "").partition("/")
    if prefix is None or name not in known:
        allowed = ", ".join(f"val/{name}" for name in known)
        said = f"no metric of these jobs; must be one such as {allowed}"
        raise InputError(f"compare.metric={tracked}: {said}")
    return replace(known[name], name=f"{name}/{part}") if part else known[name]


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
    others: Mapping[str, float] = field(default_factory=dict)  # metrics, diagnostics; as tracked

    @property
    def metrics(self) -> dict[str, float]:
        """The values by their tracked names."""
        return {name: getattr(self, key) for key, name in EPOCH_METRICS.items()} | {**self.others}

    def value(self, tracked: str) -> float:
        """Return a value by its tracked name; NaN where it was not measured."""
        field = EPOCH_FIELDS.get(tracked)
        return getattr(self, field) if field else self.others.get(tracked, math.nan)

    @classmethod
    def of(cls, epoch: int, metrics: Mapping[str, float]) -> Self:
        """Return the epoch with these metrics; those not given are NaN."""
        values = {key: metrics.get(name, math.nan) for key, name in EPOCH_METRICS.items()}
        others = {k: v for k, v in metrics.items() if k not in EPOCH_FIELDS}
        return cls(epoch, **values, others=others)

    @property
    def diverged(self) -> bool:
        """True if a loss is no longer a number; nothing after that has a meaning."""
        return not (math.isfinite(self.train_loss) and math.isfinite(self.val_loss))


@dataclass(frozen=True)
class Run:
    """One job (variant x seed) as a comparison takes it."""

    run_id: str
    name: str
    status: Status
    outcome: Outcome
    seed: int
    config: Mapping[str, str]  # the resolved config, flattened, without the seed
    dataset: str  # name of the dataset trained on
    digest: str  # digest of its content and of the subset and target drawn from it
    split: str  # digest of the rows in train, val and test: equal means the same samples
    epochs: tuple[Epoch, ...]
    summary: Mapping[str, float] = field(default_factory=dict)  # tracked once: final, best, test
    published: Mapping[str, float] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)  # file -> digest, where they are known
    metrics: Mapping[str, Metric] = field(default_factory=lambda: BUILT_IN)  # measured, by name
    selected_by: str = VAL_ERROR
    arm: str = ""  # of a tuned or growing sweep: the variant as it was typed
    chance: float = 0.9  # the error of a guess among its classes

    @property
    def best(self) -> Epoch | None:
        """The selected epoch."""
        return best_epoch(self.epochs, self.selected_by, self.metrics)

    @property
    def objective(self) -> float:
        """The value of the metric that selects at the kept epoch; infinitely bad if it diverged."""
        best = None if self.outcome is Outcome.DIVERGED else self.best
        lower = find_metric(self.selected_by, self.metrics).direction == Direction.MINIMIZE
        return best.value(self.selected_by) if best else math.inf if lower else -math.inf

    @property
    def test_error(self) -> float:
        """The error on the test set at the selected epoch; NaN without a test set."""
        return self.value(TEST_ERROR)

    def value(self, tracked: str) -> float:
        """Return a metric by its tracked name, at the selected epoch; NaN where it is unknown."""
        if tracked.startswith(SUMMARY):
            return self.summary.get(tracked, math.nan)
        return self.best.value(tracked) if self.best else math.nan


def best_epoch(
    epochs: Sequence[Epoch], by: str = VAL_ERROR, known: Mapping[str, Metric] = BUILT_IN
) -> Epoch | None:
    """Return the epoch of the best value of a tracked metric, the earliest of equals.

    None if all diverged; an epoch where the metric is not a number is never better than another.
    """
    sign = 1 if find_metric(by, known).direction == Direction.MINIMIZE else -1
    usable = [epoch for epoch in epochs if not epoch.diverged]
    values = (epoch.value(by) for epoch in usable)
    ranks = [math.inf if math.isnan(value) else sign * value for value in values]
    return usable[ranks.index(min(ranks))] if usable else None
