"""Columns of variants and pairs, each defined once for the CSV files, the page and the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from src.compare.formatting import (
    interval,
    mean_sd,
    p_value,
    percent,
    points,
    seconds,
)
from src.compare.pairs import Pair
from src.compare.stats import mean, sd
from src.compare.variants import Variant
from src.metrics import MINUS, MISSING

Row = TypeVar("Row")
Cell = TypeVar("Cell", bound=str | int | float)
Value = str | int | float


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: heading and text of a cell for people, exact values by CSV name."""

    heading: str
    text: Callable[[Row], str]
    csv: Mapping[str, Callable[[Row], Value]] = field(default_factory=dict)
    is_words: bool = False  # set to the left


def variant_columns(target_error: float | None) -> Sequence[Column[Variant]]:
    """Return the columns that people read; of a target, the epochs and seconds to reach it."""
    reaching = () if target_error is None else _target_columns(target_error)
    return *_VARIANT, *_MEASURES, *reaching, *_OUTCOMES


def baseline_columns(baseline: Variant, name: Callable[[Variant], str]) -> Sequence[Column[Pair]]:
    """Return the columns of pairs with one baseline, whose name is in the heading."""
    against = f"against {name(baseline)}"
    return Column(against, lambda pair: name(pair.a), is_words=True), *_DIFFERENCE


def _column(
    heading: str,
    name: str,
    value: Callable[[Row], Cell],
    text: Callable[[Cell], str] = str,
    is_words: bool = False,
) -> Column[Row]:
    """Return a column of one CSV value, shown as `text`."""
    return Column(heading, lambda row: text(value(row)), {name: value}, is_words)


def _mean_sd(
    heading: str, name: str, values: Callable[[Variant], Sequence[float]]
) -> Column[Variant]:
    """Return a column of mean and standard deviation, two values in CSV."""
    return Column(
        heading,
        lambda row: mean_sd(mean(values(row)), sd(values(row))),
        {f"{name}_mean": lambda row: mean(values(row)), f"{name}_sd": lambda row: sd(values(row))},
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
    _column("n", "n", lambda row: len(row.usable)),
)
_OUTCOMES: Sequence[Column[Variant]] = (
    _column("diverged", "diverged", lambda row: row.diverged),
    _column("failed", "failed", lambda row: row.failed),
)
_MEASURES: Sequence[Column[Variant]] = (
    _mean_sd("best val %", "best_val_error", lambda row: [*row.best_errors.values()]),
    _mean_sd("final val %", "final_val_error", lambda row: row.final("val_error")),
    _column("test %", "test_error_mean", lambda row: mean(row.test_errors), percent),
    _column("train %", "train_error_mean", lambda row: mean(row.final("train_error")), percent),
    _column("s per epoch", "epoch_seconds_mean", lambda row: mean(row.epoch_seconds), seconds),
)
_DIFFERENCE: Sequence[Column[Pair]] = (
    _column("n", "n", lambda row: row.effect.n),
    _column(f"a {MINUS} b", "difference", lambda row: row.effect.mean, points),
    Column(
        "95 % interval",
        lambda row: interval(row.effect.low, row.effect.high),
        {"low": lambda row: row.effect.low, "high": lambda row: row.effect.high},
    ),
    Column(
        "a better",
        lambda row: f"{row.a_better}/{row.effect.n}",
        {"a_better": lambda row: row.a_better},
    ),
    _column("p", "p", lambda row: row.effect.p, p_value),
    _column("Holm", "p_holm", lambda row: row.p_holm, p_value),
    _column("McNemar", "mcnemar_p", lambda row: row.mcnemar_p, p_value),
    _column("verdict", "verdict", lambda row: row.verdict, is_words=True),
)
SUMMARY: Sequence[Column[Variant]] = (*_VARIANT, *_OUTCOMES, *_MEASURES)
PAIRS: Sequence[Column[Pair]] = (
    _column("a", "a", lambda row: row.a.label, is_words=True),
    _column("b", "b", lambda row: row.b.label, is_words=True),
    *_DIFFERENCE,
)
