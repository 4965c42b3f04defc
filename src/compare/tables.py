"""A comparison as tables that people read, in percent and percentage points."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from src.compare.comparison import Comparison
from src.compare.files import summarise
from src.compare.pairs import Pair
from src.compare.units import MINUS, MISSING, interval, p_value, percent, points, spread
from src.compare.variants import Variant

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SHOWN = 20  # pairs in the terminal


def reaching(variant: Variant, target_error: float) -> tuple[int, float, float]:
    """In how many seeds the validation error reaches a target, and there the mean epochs and
    seconds it takes; NaN where none does."""
    taken = []
    for run in variant.usable.values():
        reached = [epoch.val_error <= target_error for epoch in run.epochs]
        if any(reached):
            needed = reached.index(True) + 1
            taken.append((needed, sum(epoch.seconds for epoch in run.epochs[:needed])))
    return len(taken), *(np.mean(taken, axis=0).tolist() if taken else (math.nan, math.nan))


def variant_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Header and rows, in percent, of the table of variants."""
    header = ["variant", "n", "best val %", "final val %", "test %", "train %", "s per epoch"]
    target = comparison.target_error
    if target is not None:
        header += [f"epochs to {percent(target)} %", "seconds"]
    rows = [_variant_row(variant, target) for variant in comparison.variants]
    return [*header, "diverged", "failed"], rows


def pair_rows(pairs: Sequence[Pair]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, in percentage points, of the table of pairs."""
    header = f"a|b|n|a {MINUS} b|95 % interval|a better|p|Holm|McNemar|verdict".split("|")
    return header, [
        [
            pair.a.label,
            pair.b.label,
            str(pair.effect.n),
            points(pair.effect.mean),
            interval(pair.effect.low, pair.effect.high),
            f"{pair.a_better}/{pair.effect.n}",
            *map(p_value, (pair.effect.p, pair.p_holm, pair.mcnemar_p)),
            pair.verdict,
        ]
        for pair in pairs
    ]


def baseline_rows(comparison: Comparison, most: int) -> tuple[list[str], list[list[str]]]:
    """The same for the first `most` pairs with the baseline, without the column of b."""
    (_, _, *header), rows = pair_rows(comparison.with_baseline[:most])
    against = f"against {comparison.baseline.label}"
    return [against, *header], [[a, *cells] for a, _, *cells in rows]


def table(comparison: Comparison) -> "Group":
    """The variants, the pairs with the baseline and the verdict, to print in a terminal."""
    from rich.console import Group
    from rich.text import Text

    levels = {v.label: " ".join(v.levels.values()) or v.label for v in comparison.variants}
    (_, *header), rows = variant_rows(comparison)
    parts = [_rich([" ".join(comparison.variants[0].levels), *header], rows, levels)]
    if comparison.pairs:
        (_, *header), rows = baseline_rows(comparison, SHOWN)
        against = f"against {levels[comparison.baseline.label]}"
        parts.append(_rich([against, *header], rows, levels))
    if (left_out := len(comparison.with_baseline) - SHOWN) > 0:
        parts.append(Text(f"and {left_out} more in pairs.csv", "dim"))
    return Group(*parts, Text(comparison.verdict, "bold"))


def _variant_row(variant: Variant, target_error: float | None) -> list[str]:
    row = summarise(variant)
    errors = [
        spread(row["best_val_error_mean"], row["best_val_error_sd"]),
        spread(row["final_val_error_mean"], row["final_val_error_sd"]),
        percent(row["test_error_mean"]),
        percent(row["train_error_mean"]),
    ]
    reached = () if target_error is None else _reached(*reaching(variant, target_error), row["n"])
    seconds = _seconds(row["epoch_seconds_mean"])
    counts = str(row["diverged"]), str(row["failed"])
    return [variant.label, str(row["n"]), *errors, seconds, *reached, *counts]


def _rich(
    header: Sequence[str], rows: Sequence[Sequence[str]], levels: Mapping[str, str]
) -> "Table":
    """A table that 80 columns hold: variants by their levels alone, headings on two lines."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column(Text(header[0]), overflow="fold")
    for name in header[1:]:
        grid.add_column(Text("\n".join(name.rsplit(" ", 1))), justify="right", no_wrap=True)
    for label, *cells in rows:
        # As Text, since a level such as [100] reads as markup.
        grid.add_row(Text(levels[label]), *map(Text, cells))
    return grid


def _seconds(seconds: float) -> str:
    return (
        MISSING if math.isnan(seconds) else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.0f}"
    )


def _reached(reached: int, epochs: float, seconds: float, n: int) -> tuple[str, str]:
    shown = MISSING if math.isnan(epochs) else f"{epochs:.1f}"
    return shown if reached == n else f"{shown} ({reached}/{n})", _seconds(seconds)
