"""Columns of variants and pairs, each defined once for the CSV files, the page and the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from src.compare.contrasts import Finding
from src.compare.criterion import TEST, VALIDATION, Criterion
from src.compare.factorial import Effect
from src.compare.formatting import interval, mean_sd, p_value, percent, seconds
from src.compare.pairs import Pair
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
    rank: int = 0  # where there is no room, the column of the highest rank is left out; 0: never


def variant_columns(
    criterion: Criterion, target_error: float | None = None, further: Sequence[Criterion] = ()
) -> Sequence[Column[Variant]]:
    """Return the columns of variants, and of `further` metrics that judge nothing.

    Of a target there are the epochs and seconds to reach it.
    """
    is_standard = criterion.tracked in (TEST.tracked, VALIDATION.tracked)
    own = () if is_standard else (_judged(criterion.label, criterion),)
    reaching = () if target_error is None else _target_columns(target_error)
    others = [_judged(other.label, other, rank=6) for other in further]
    return *_VARIANT, *own, *_MEASURES, *others, *reaching, *_OUTCOMES


def pair_columns(metric: Metric) -> Sequence[Column[Pair]]:
    """Return the columns of any pairs."""
    return *_SIDES, *_differences(metric)


def baseline_columns(
    baseline: Variant, name: Callable[[Variant], str], metric: Metric
) -> Sequence[Column[Pair]]:
    """Return the columns of pairs with one baseline, whose name is in the heading."""
    against = f"against {name(baseline)}"
    return Column(against, lambda pair: name(pair.a), is_words=True), *_differences(metric)


def effect_columns(metric: Metric) -> Sequence[Column[tuple[Effect, Finding]]]:
    """Return the columns of the effects of a factorial design."""
    return (
        _column("effect", "effect", lambda row: row[0].label, is_words=True),
        _column("kind", "kind", lambda row: row[0].kind, is_words=True, rank=1),
        _column("verdict", "verdict", lambda row: row[1].verdict, is_words=True),
        _column("difference", "difference", lambda row: row[1].estimate.mean, metric.difference),
        Column(
            "95 % interval",
            lambda row: interval(row[1].estimate.low, row[1].estimate.high, metric),
            {"low": lambda row: row[1].estimate.low, "high": lambda row: row[1].estimate.high},
        ),
        _column("p", "p_adjusted", lambda row: row[1].estimate.p_adjusted, p_value),
        _column("n", "n", lambda row: row[1].estimate.n),
    )


def search_columns() -> Sequence[Column[Search]]:
    """Return the columns of the searches of a tuned sweep."""
    return (
        Column("variant", lambda row: row.arm, is_words=True),
        Column("chosen", lambda row: _settings(row.settings), is_words=True),
        Column("at an edge", lambda row: ", ".join(row.edges) or "no", is_words=True),
        Column("val % of the choice", lambda row: percent(row.lowest)),
        Column("trials", lambda row: f"{len(row.errors)} of {row.budget}"),
        Column("space", lambda row: "; ".join(map(str, row.space)), is_words=True),
    )


def _settings(settings: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _column(
    heading: str,
    name: str,
    value: Callable[[Row], Cell],
    text: Callable[[Cell], str] = str,
    is_words: bool = False,
    rank: int = 0,
) -> Column[Row]:
    """Return a column of one CSV value, shown as `text`."""
    return Column(heading, lambda row: text(value(row)), {name: value}, is_words, rank)


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
    name = criterion.tracked.replace("/", "_")
    heading = f"{heading} %" if criterion.unit else heading
    return _mean_sd(
        heading, name, lambda row: [*row.values(criterion).values()], criterion.metric, rank
    )


def _target_columns(target_error: float) -> Sequence[Column[Variant]]:
    return (
        Column(f"epochs to {percent(target_error)} %", lambda row: _epochs_to(row, target_error)),
        Column("seconds", lambda row: seconds(mean([s for _, s in _reached(row, target_error)]))),
    )


def _epochs_to(variant: Variant, target_error: float) -> str:
    reached, n = _reached(variant, target_error), len(variant.usable)
    epochs = f"{mean([epochs for epochs, _ in reached]):.1f}" if reached else MISSING
    return epochs if len(reached) == n else f"{epochs} ({len(reached)}/{n})"


def _reached(variant: Variant, target_error: float) -> list[tuple[int, float]]:
    """Return the epochs and seconds to reach a validation error, for each run that reaches it."""
    found = []
    for run in variant.usable.values():
        reached = [epoch.val_error <= target_error for epoch in run.epochs]
        if any(reached):
            needed = reached.index(True) + 1
            found.append((needed, sum(epoch.seconds for epoch in run.epochs[:needed])))
    return found


_VARIANT: Sequence[Column[Variant]] = (
    _column("variant", "variant", lambda row: row.label, is_words=True),
    _column("n", "n", lambda row: row.n),
)
_OUTCOMES: Sequence[Column[Variant]] = (
    _column("diverged", "diverged", lambda row: row.diverged, rank=2),
    _column("failed", "failed", lambda row: row.failed, rank=2),
)
_MEASURES: Sequence[Column[Variant]] = (
    _judged("test", TEST),
    _judged("best val", VALIDATION, rank=1),
    _mean_sd("final val %", "final_val_error", lambda row: row.final("val_error"), rank=4),
    _column(
        "train %", "train_error_mean", lambda row: mean(row.final("train_error")), percent, rank=3
    ),
    _column(
        "s per epoch", "epoch_seconds_mean", lambda row: mean(row.epoch_seconds), seconds, rank=5
    ),
)
_SIDES: Sequence[Column[Pair]] = (
    _column("a", "a", lambda row: row.a.label, is_words=True),
    _column("b", "b", lambda row: row.b.label, is_words=True),
)


def _differences(metric: Metric) -> Sequence[Column[Pair]]:
    """Return the columns of a pair's difference; the verdict first, so that no window hides it."""
    return (
        _column("verdict", "verdict", lambda row: row.verdict, is_words=True),
        _column(f"a {MINUS} b", "difference", lambda row: row.effect.mean, metric.difference),
        Column(
            "95 % interval",
            lambda row: interval(row.effect.low, row.effect.high, metric),
            {"low": lambda row: row.effect.low, "high": lambda row: row.effect.high},
        ),
        _column("p", "p_adjusted", lambda row: row.effect.p_adjusted, p_value),
        Column(
            "a better",
            lambda row: f"{row.a_better}/{row.effect.n}",
            {"a_better": lambda row: row.a_better, "n": lambda row: row.effect.n},
            rank=1,
        ),
        _column("McNemar", "mcnemar_p", lambda row: row.mcnemar_p, p_value, rank=2),
    )


PAIRS_CSV: Mapping[str, Callable[[Pair], Value]] = {
    name: value for column in (*_SIDES, *_differences(ERROR)) for name, value in column.csv.items()
} | {
    "p": lambda row: row.effect.p,
    "p_holm": lambda row: row.p_holm,
    "equivalence_low": lambda row: row.effect.inner_low,
    "equivalence_high": lambda row: row.effect.inner_high,
    "level": lambda row: row.effect.level,
    "validation_verdict": lambda row: row.validation,
    "reason": lambda row: row.reason,
}
