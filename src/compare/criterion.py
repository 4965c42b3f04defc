"""Criterion of a comparison: the metric that is judged, and what counts for runs that diverged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from src.metrics import (
    BEST_VAL_ERROR,
    ERROR,
    SPLITS,
    TEST_ERROR,
    Direction,
    Metric,
    Run,
    find_metric,
)
from src.status import Outcome, Status

WORDS = {"val": "validation", "train": "training"}  # parts of a tracked name, for people
STALLED = 0.95  # of the error of a guess: from there on a run has learned nothing
LUCK = 0.75  # of it: untrained networks may get as far, whose loss is that of a guess or more


@dataclass(frozen=True)
class Criterion:
    """A metric by which variants are judged."""

    tracked: str  # as in the tracking database: test/error
    metric: Metric
    worst: float  # value of any finished run: a diverged one is no better
    name: str = ""  # for people, where its tracked name says it badly

    @property
    def label(self) -> str:
        """The metric in words: 'test error'."""
        if self.name:
            return self.name
        start = next(split for split in SPLITS if self.tracked.startswith(split))
        parts = [*start.replace("_", "/").split("/")[:-1], self.tracked.removeprefix(start)]
        return " ".join(WORDS.get(part, part) for part in parts).replace("_", " ")

    @property
    def sign(self) -> int:
        """1 where a lower value is better, else -1."""
        return 1 if self.metric.direction == Direction.MINIMIZE else -1

    @property
    def unit(self) -> str:
        """The unit of a difference: ' points' of percent, or nothing."""
        return " points" if self.metric.scale == 100 else ""

    def amount(self, value: float) -> str:
        """Format a value with the unit of a difference: '0.10 points'."""
        return self.metric.text(value) + self.unit

    def difference(self, value: float) -> str:
        """Format a difference with sign and unit: '+0.10 points'."""
        return self.metric.difference(value) + self.unit

    @property
    def of_diverged(self) -> str:
        """The value that a diverged run counts with, in words."""
        is_error = self.metric.name == ERROR.name
        words = ("error", "that of a guess") if is_error else ("value", "the worst of any run")
        return f"its last finite {words[0]} or {words[1]}, whichever is worse"

    @property
    def selects_and_judges(self) -> bool:
        """True if the value is on the very samples by which the epoch was selected."""
        return self.tracked.startswith(("val/", "best/"))

    def value(self, run: Run) -> float:
        """Return a run's value; NaN for one that did not finish.

        A diverged run counts, since its variant was meant to train (intention to treat): with its
        last finite value, or that of a guess if this is worse. Of another metric than an error
        no guess is known, and the worst value of any run stands for it.
        """
        if not is_finished(run):
            return math.nan
        if not is_diverged(run):
            return measured(run, self.tracked)
        last = f"val/{self.metric.name}"
        finite = [value for epoch in run.epochs if math.isfinite(value := epoch.value(last))]
        is_error = self.metric.name == ERROR.name
        known = [*finite[-1:], run.chance if is_error else self.worst]
        return max(known, key=lambda value: self.sign * value)

    def has_stalled(self, run: Run) -> bool:
        """Return whether a run is no better than a guess.

        The error of an untrained network is a guess's only on average. Its cross-entropy cannot
        be lower than that of equal odds for all classes, the logarithm of their number.
        """
        value = self.value(run)
        if self.metric.name != ERROR.name or not value >= LUCK * run.chance:
            return False
        guess, best = -math.log(1 - run.chance), run.best
        return value >= STALLED * run.chance or (best is not None and best.train_loss >= guess)


TEST = Criterion(TEST_ERROR, ERROR, math.nan)
VALIDATION = Criterion(BEST_VAL_ERROR, ERROR, math.nan)


def find_criterion(runs: Sequence[Run], wanted: str | None, name: str = "") -> Criterion:
    """Return the criterion of this tracked name, such as `val/ece`, called `name` if it has one.

    None is the test error wherever every finished run has one, else the best validation error.
    Raises InputError for a metric that the runs do not have.
    """
    finished = [run for run in runs if is_usable(run)]
    if wanted is None:
        has_test = finished and all(math.isfinite(run.test_error) for run in finished)
        wanted = TEST_ERROR if has_test else BEST_VAL_ERROR
    known = {name: metric for run in runs for name, metric in run.metrics.items()}
    metric = find_metric(wanted, known)
    values = [value for run in finished if math.isfinite(value := measured(run, wanted))]
    worst = max if metric.direction == Direction.MINIMIZE else min
    return Criterion(wanted, metric, worst(values, default=math.nan), name)


def is_finished(run: Run) -> bool:
    """Return whether the run has an outcome, neither failed nor killed nor still under way."""
    return run.status == Status.FINISHED


def is_usable(run: Run) -> bool:
    """Return whether the run trained to its end: it finished and did not diverge."""
    return is_finished(run) and not is_diverged(run)


def is_diverged(run: Run) -> bool:
    """Return whether a loss of the run stopped being a number."""
    return run.outcome == Outcome.DIVERGED or not run.epochs or run.epochs[-1].diverged


def measured(run: Run, tracked: str) -> float:
    """Return a metric of a run, also one that its epochs tell and its summary lacks."""
    kind, _, name = tracked.partition("/")
    epoch = run.best if kind == "best" else run.epochs[-1] if kind == "final" else None
    return epoch.value(name.replace("_", "/", 1)) if epoch else run.value(tracked)


def find_further(runs: Sequence[Run], judged: Criterion) -> list[Criterion]:
    """Return a criterion for each metric measured beside loss, error and the judged one.

    That is its value on the test set where there is one, else on the validation set.
    """
    kept = [best for run in runs if (best := run.best)]
    tested = (name for run in runs for name in run.summary if name.startswith("test/"))
    validated = (name for epoch in kept for name in epoch.others if name.startswith("val/"))
    named = {name.partition("/")[2]: name for name in [*validated, *tested]}
    known = (BEST_VAL_ERROR, TEST_ERROR, judged.tracked)
    return [find_criterion(runs, name) for name in named.values() if name not in known]
