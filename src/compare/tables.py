"""A comparison as rows: CSV files that programs read, and a table for the terminal."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.compare.comparison import Comparison, Pair
from src.compare.units import MISSING, interval, p_value, percent, points, spread
from src.compare.variants import Variant

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SUMMARY = (
    "variant", "n", "diverged", "failed", "best_val_error_mean", "best_val_error_sd",
    "final_val_error_mean", "final_val_error_sd", "test_error_mean", "train_error_mean",
    "epoch_seconds_mean",
)  # fmt: skip
PAIRS = (
    "a", "b", "n", "difference", "low", "high", "a_better", "p", "p_holm", "mcnemar_p", "verdict",
)  # fmt: skip
RUNS = (
    "variant", "seed", "run_id", "epoch", "train_loss", "train_error", "val_loss", "val_error",
)  # fmt: skip
SHOWN = 20  # pairs in the terminal

Value = str | int | float


def write_csv(comparison: Comparison, folder: Path) -> None:
    """Write summary.csv, pairs.csv and runs.csv: errors as fractions, an empty cell for NaN."""
    _write(folder / "summary.csv", SUMMARY, map(summarise, comparison.variants))
    _write(folder / "pairs.csv", PAIRS, map(_pair, comparison.pairs))
    _write(folder / "runs.csv", RUNS, _epochs(comparison.variants))


def summarise(variant: Variant) -> dict[str, Value]:
    """The row of summary.csv: means and standard deviations over the usable runs."""
    runs = variant.usable.values()
    best, best_sd = _moments(list(variant.best.values()))
    final, final_sd = _moments(variant.last("val_error"))
    row = (
        variant.label,
        len(runs),
        variant.diverged,
        variant.failed,
        best,
        best_sd,
        final,
        final_sd,
    )
    test, _ = _moments([run.test_error for run in runs])
    train, _ = _moments(variant.last("train_error"))
    seconds, _ = _moments([epoch.seconds for run in runs for epoch in run.epochs])
    return dict(zip(SUMMARY, (*row, test, train, seconds), strict=True))


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
    header = ["variant", "n", "best val %", "final val %", "test %", "train %", "s/epoch"]
    target = comparison.target_error
    if target is not None:
        header += [f"epochs to {percent(target)} %", "seconds"]
    rows = []
    for variant in comparison.variants:
        row = summarise(variant)
        cells = [variant.label, str(row["n"])]
        cells += [
            spread(row[f"{k}_val_error_mean"], row[f"{k}_val_error_sd"]) for k in ("best", "final")
        ]
        cells += [percent(row["test_error_mean"]), percent(row["train_error_mean"])]
        cells.append(_seconds(row["epoch_seconds_mean"]))
        if target is not None:
            cells += _reached(*reaching(variant, target), row["n"])
        rows.append([*cells, str(row["diverged"]), str(row["failed"])])
    return [*header, "diverged", "failed"], rows


def pair_rows(pairs: Sequence[Pair]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, in percentage points, of the table of pairs."""
    header = [
        "a",
        "b",
        "n",
        "a − b",
        "95 % interval",
        "a better",
        "p",
        "Holm",
        "McNemar",
        "verdict",
    ]
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


def table(comparison: Comparison) -> "Group":
    """The variants, the pairs with the baseline and the verdict, to print in a terminal."""
    from rich.console import Group
    from rich.text import Text

    parts = [_rich(*variant_rows(comparison))]
    if pairs := comparison.with_baseline:
        (_, _, *header), rows = pair_rows(pairs[:SHOWN])
        against = f"against {comparison.baseline.label}"
        parts.append(_rich([against, *header], [[a, *cells] for a, _, *cells in rows]))
    if len(pairs) > SHOWN:
        parts.append(Text(f"and {len(pairs) - SHOWN} more in pairs.csv", "dim"))
    return Group(*parts, Text(comparison.verdict, "bold"))


def _rich(header: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        grid.add_column(Text(name), justify="right" if place else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))  # as Text, since a level such as [100] reads as markup
    return grid


def _pair(pair: Pair) -> dict[str, Value]:
    effect = pair.effect
    tests = (float(effect.p), pair.p_holm, pair.mcnemar_p)
    difference = (float(effect.mean), float(effect.low), float(effect.high))
    row = (pair.a.label, pair.b.label, effect.n, *difference, pair.a_better, *tests, pair.verdict)
    return dict(zip(PAIRS, row, strict=True))


def _epochs(variants: Iterable[Variant]) -> Iterator[dict[str, Value]]:
    for variant in variants:
        for run in variant.runs:
            for epoch in run.epochs:
                measured = (getattr(epoch, name) for name in RUNS[3:])
                yield dict(zip(RUNS, (variant.label, run.seed, run.run_id, *measured), strict=True))


def _write(path: Path, header: Sequence[str], rows: Iterable[dict[str, Value]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(row[name]) for name in header] for row in rows)


def _cell(value: Value) -> Value:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value


def _moments(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN where there are too few values for it."""
    mean = float(np.mean(values)) if len(values) else math.nan
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _seconds(seconds: float) -> str:
    return (
        MISSING if math.isnan(seconds) else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.0f}"
    )


def _reached(reached: int, epochs: float, seconds: float, n: int) -> tuple[str, str]:
    shown = MISSING if math.isnan(epochs) else f"{epochs:.1f}"
    return shown if reached == n else f"{shown} ({reached}/{n})", _seconds(seconds)
