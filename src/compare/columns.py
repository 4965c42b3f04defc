"""Columns of tables, each defined once for the CSV files, the page and the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Generic, TypeVar

from src.compare.contrasts import Finding
from src.compare.criterion import TEST, VALIDATION, Criterion
from src.compare.factorial import Effect
from src.compare.formatting import interval, mean_sd, p_value, seconds
from src.compare.pairs import Pair
from src.compare.plain_search import Trial
from src.compare.stats import mean, sd
from src.compare.tuned import Search
from src.compare.variants import Variant
from src.metrics import ERROR, MINUS, MISSING, Metric

Row = TypeVar("Row")
Cell = TypeVar("Cell", bound=str | int | float)
Value = str | int | float


@dataclass(frozen=True, eq=False)
class Column(Generic[Row]):
    """A column: heading and text of a cell for people, exact values by CSV name."""

    heading: str
    text: Callable[[Row], str]
    csv: Mapping[str, Callable[[Row], Value]] = field(default_factory=dict)
    is_words: bool = False  # set to the left
    rank: int = 0  # without room the column of the highest rank is left out; 0: never


def variant_columns(
    criterion: Criterion, target_error: float | None = None, further: Sequence[Criterion] = ()
) -> Sequence[Column[Variant]]:
    """Return the columns of variants, and of `further` metrics that judge nothing.

    Of a target there are the epochs and seconds to reach it.
    """
    is_standard = criterion.tracked in (TEST.tracked, VALIDATION.tracked)
    return (
        _column("variant", "variant", lambda row: row.label, is_words=True),
        _column("n", "n", lambda row: row.n),
        *(() if is_standard else (_judged(criterion.label, criterion),)),
        _judged("test", TEST),
        _judged("best val", VALIDATION, rank=1),
        _mean_sd("final val %", "final_val_error", lambda row: row.final("val_error"), rank=4),
        _column(
            "train %", "train_error_mean", lambda row: mean(row.final("train_error")), ERROR.text, 3
        ),
        _column(
            "s per epoch", "epoch_seconds_mean", lambda row: mean(row.epoch_seconds), seconds, 5
        ),
        *(_judged(other.label, other, rank=6) for other in further),
        *(() if target_error is None else _target_columns(target_error)),
        _column("diverged", "diverged", lambda row: row.diverged, rank=2),
        _column("failed", "failed", lambda row: row.failed, rank=2),
    )


def pair_columns(
    metric: Metric,
    name: Callable[[Variant], str] = attrgetter("label"),
    baseline: Variant | None = None,
) -> Sequence[Column[Pair]]:
    """Return the columns of pairs, whose sides are called `name`.

    A `baseline` that all have as their b is in the heading. The verdict comes first, so that no
    window hides it.
    """
    sides: Sequence[Column[Pair]] = (
        _column("a", "a", lambda row: name(row.a), is_words=True),
        _column("b", "b", lambda row: name(row.b), is_words=True),
    )
    if baseline:
        sides = (replace(sides[0], heading=f"against {name(baseline)}"),)
    gap, side = ("difference", "seeds") if baseline else (f"a {MINUS} b", "a")
    found: Sequence[Column[Pair]] = _finding_columns(gap, lambda row: row, metric)
    return (
        *sides,
        *found,
        Column(
            f"{side} better",
            lambda row: f"{row.a_better}/{row.estimate.n}",
            {"a_better": lambda row: row.a_better, "n": lambda row: row.estimate.n},
            rank=1,
        ),
        _column("McNemar", "mcnemar_p", lambda row: row.mcnemar_p, p_value, rank=2),
    )


def effect_columns(metric: Metric) -> Sequence[Column[tuple[Effect, Finding]]]:
    """Return the columns of the effects of a factorial design."""
    return (
        _column("effect", "effect", lambda row: row[0].label, is_words=True),
        _column("kind", "kind", lambda row: row[0].kind, is_words=True, rank=1),
        *_finding_columns("difference", lambda row: row[1], metric),
        _column("n", "n", lambda row: row[1].estimate.n),
    )


def search_columns() -> Sequence[Column[Search]]:
    """Return the columns of the searches of a tuned sweep."""
    return (
        Column("variant", lambda row: row.arm, is_words=True),
        Column("chosen", lambda row: " ".join(map("=".join, row.settings.items())), is_words=True),
        Column("at an edge", lambda row: ", ".join(row.edges) or "no", is_words=True),
        Column("val % of the choice", lambda row: ERROR.text(row.best_error)),
        Column("trials", _trials, rank=1),
        Column("space", lambda row: "; ".join(map(str, row.space)), is_words=True, rank=2),
    )


def _trials(search: Search) -> str:
    done = f"{len(search.errors) + len(search.cut)} of {search.budget}"
    return f"{done}, {len(search.errors)} in full" if search.cut else done


def trial_columns(keys: Sequence[str]) -> Sequence[Column[Trial]]:
    """Return the columns of the trials of a plain search that varies `keys`."""

    def setting(key: str) -> Column[Trial]:
        return _column(key, key, lambda row: row.settings[key], is_words=True)

    return (
        _column("trial", "trial", lambda row: row.number),
        *map(setting, keys),
        _column("validation %", "val_error", lambda row: row.error, ERROR.text),
        _column("test %", "test_error", lambda row: row.run.test_error, ERROR.text),
    )


def csv_values(columns: Sequence[Column[Row]]) -> dict[str, Callable[[Row], Value]]:
    """Return the values of columns by their names in CSV files."""
    return {name: value for column in columns for name, value in column.csv.items()}


def _column(
    heading: str,
    name: str,
    value: Callable[[Row], Cell],
    text: Callable[[Cell], str] = str,
    rank: int = 0,
    is_words: bool = False,
) -> Column[Row]:
    """Return a column of one CSV value, shown as `text`."""
    return Column(heading, lambda row: text(value(row)), {name: value}, is_words, rank)


def _finding_columns(
    heading: str, of: Callable[[Row], Finding], metric: Metric
) -> Sequence[Column[Row]]:
    """Return the columns of the finding of a row: verdict, difference, interval and p."""
    return (
        _column("verdict", "verdict", lambda row: of(row).verdict, is_words=True),
        _column(heading, "difference", lambda row: of(row).estimate.mean, metric.difference),
        Column(
            "95 % interval",
            lambda row: interval(of(row).estimate.low, of(row).estimate.high, metric),
            {"low": lambda row: of(row).estimate.low, "high": lambda row: of(row).estimate.high},
        ),
        _column("p", "p_adjusted", lambda row: of(row).estimate.p_adjusted, p_value),
    )


def _mean_sd(
    heading: str,
    name: str,
    values: Callable[[Variant], Sequence[float]],
    metric: Metric = ERROR,
    rank: int = 0,
) -> Column[Variant]:
    """Return a column of mean and standard deviation, two values in CSV."""
    return Column(
        heading,
        lambda row: mean_sd(mean(values(row)), sd(values(row)), metric),
        {f"{name}_mean": lambda row: mean(values(row)), f"{name}_sd": lambda row: sd(values(row))},
        rank=rank,
    )


def _judged(heading: str, criterion: Criterion, rank: int = 0) -> Column[Variant]:
    """Return the column of a criterion, diverged runs included."""
    return _mean_sd(
        f"{heading} %" if criterion.unit else heading,
        criterion.tracked.replace("/", "_"),
        lambda row: [*row.values(criterion).values()],
        criterion.metric,
        rank,
    )


def _target_columns(target_error: float) -> Sequence[Column[Variant]]:
    heading = f"epochs to {ERROR.text(target_error)} %"
    return (
        Column(heading, lambda row: _epochs_to(row, target_error)),
        Column("seconds", lambda row: seconds(mean([s for _, s in _reached(row, target_error)]))),
    )


def _epochs_to(variant: Variant, target_error: float) -> str:
    reached, n = _reached(variant, target_error), len(variant.usable)
    epochs = f"{mean([epochs for epochs, _ in reached]):.1f}" if reached else MISSING
    return epochs if len(reached) == n else f"{epochs} ({len(reached)}/{n})"


def _reached(variant: Variant, target_error: float) -> list[tuple[int, float]]:
    """Return epochs and seconds of each run that reaches a validation error."""
    found = []
    for run in variant.usable.values():
        reached = [epoch.val_error <= target_error for epoch in run.epochs]
        if any(reached):
            needed = reached.index(True) + 1
            found.append((needed, sum(epoch.seconds for epoch in run.epochs[:needed])))
    return found


def summary_csv(
    criterion: Criterion, further: Sequence[Criterion]
) -> dict[str, Callable[[Variant], Value]]:
    """Return the values of variants by their names for programs."""
    return csv_values(variant_columns(criterion, further=further))


def trials_csv(keys: Sequence[str]) -> dict[str, Callable[[Trial], Value]]:
    """Return the values of trials by their names for programs."""
    return csv_values(trial_columns(keys)) | {"run": lambda row: row.run.run_id}


PAIRS_CSV: Mapping[str, Callable[[Pair], Value]] = {
    **csv_values(pair_columns(ERROR)),
    "p": lambda row: row.estimate.p,
    "p_holm": lambda row: row.p_holm,
    "equivalence_low": lambda row: row.estimate.inner_low,
    "equivalence_high": lambda row: row.estimate.inner_high,
    "level": lambda row: row.estimate.level,
    "validation_verdict": lambda row: row.validation,
    "reason": lambda row: row.reason,
}
