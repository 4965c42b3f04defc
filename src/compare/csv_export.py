"""CSV files of a comparison, whose columns other programs read."""

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from src.compare.columns import PAIRS_CSV, Column, Row, Value, effect_columns, variant_columns
from src.compare.comparison import Comparison
from src.compare.variants import Variant
from src.metrics import TEST_ERROR, Epoch, Run

EpochRow = tuple[Variant, Run, Epoch]
RUNS: dict[str, Callable[[EpochRow], Value]] = {
    "variant": lambda row: row[0].label,
    "seed": lambda row: row[1].seed,
    "run_id": lambda row: row[1].run_id,
    "epoch": lambda row: row[2].epoch,
    "train_loss": lambda row: row[2].train_loss,
    "train_error": lambda row: row[2].train_error,
    "val_loss": lambda row: row[2].val_loss,
    "val_error": lambda row: row[2].val_error,
    "test_error": lambda row: row[1].test_error,  # of the run, at its selected epoch
}


def write_csv(comparison: Comparison, folder: Path) -> None:
    """Write summary.csv, pairs.csv, runs.csv and, of a factorial design, effects.csv.

    Errors are fractions; a cell is empty for NaN, and for a factor that a variant does not have.
    """
    epochs = (
        (v, run, epoch) for v in comparison.variants for run in v.runs for epoch in run.epochs
    )
    summary = _values(variant_columns(comparison.criterion, further=comparison.further))
    _write(folder / "summary.csv", summary, comparison.variants)
    _write(folder / "pairs.csv", PAIRS_CSV, comparison.pairs)
    _write(
        folder / "runs.csv",
        RUNS | _others(comparison.variants) | _factors(comparison.variants),
        epochs,
    )
    if comparison.effects:
        effects = _values(effect_columns(comparison.criterion.metric))
        _write(folder / "effects.csv", effects, [*comparison.effects.items()])


def _others(variants: Iterable[Variant]) -> dict[str, Callable[[EpochRow], Value]]:
    """Return a column for each further metric: train_ece and val_ece, and test_ece of the run."""
    runs = [run for variant in variants for run in variant.runs]
    epochs = [name for run in runs for epoch in run.epochs[:1] for name in epoch.others]
    tested = [name for run in runs for name in run.summary if name.startswith("test/")]
    names = [
        n for n in dict.fromkeys([*epochs, *tested]) if n.startswith(("train/", "val/", "test/"))
    ]
    return {name.replace("/", "_"): partial(_other, name) for name in names if name != TEST_ERROR}


def _other(tracked: str, row: EpochRow) -> Value:
    return row[1].value(tracked) if tracked.startswith("test/") else row[2].value(tracked)


def _factors(variants: Iterable[Variant]) -> dict[str, Callable[[EpochRow], Value]]:
    """Return a column for each factor that is not named like another column."""
    factors = dict.fromkeys(factor for variant in variants for factor in variant.levels)
    return {name: partial(_level, name) for name in factors if name not in RUNS}


def _level(factor: str, row: EpochRow) -> Value:
    return row[0].levels.get(factor, "")


def _values(columns: Sequence[Column[Row]]) -> dict[str, Callable[[Row], Value]]:
    return {name: value for column in columns for name, value in column.csv.items()}


def _write(path: Path, columns: Mapping[str, Callable[[Row], Value]], rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value(row)) for value in columns.values()] for row in rows)


def _cell(value: Value) -> Value:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value
