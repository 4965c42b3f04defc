"""CSV files of a comparison, whose columns other programs read."""

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from src.compare.columns import PAIRS, SUMMARY, Column, Row, Value
from src.compare.comparison import Comparison
from src.compare.variants import Variant
from src.metrics import Epoch, Run

EpochRow = tuple[Variant, Run, Epoch]
RUNS: Mapping[str, Callable[[EpochRow], Value]] = {
    "variant": lambda row: row[0].label,
    "seed": lambda row: row[1].seed,
    "run_id": lambda row: row[1].run_id,
    "epoch": lambda row: row[2].epoch,
    "train_loss": lambda row: row[2].train_loss,
    "train_error": lambda row: row[2].train_error,
    "val_loss": lambda row: row[2].val_loss,
    "val_error": lambda row: row[2].val_error,
}


def write_csv(comparison: Comparison, folder: Path) -> None:
    """Write summary.csv, pairs.csv and runs.csv: errors as fractions, an empty cell for NaN."""
    epochs = (
        (v, run, epoch) for v in comparison.variants for run in v.runs for epoch in run.epochs
    )
    _write(folder / "summary.csv", _values(SUMMARY), comparison.variants)
    _write(folder / "pairs.csv", _values(PAIRS), comparison.pairs)
    _write(folder / "runs.csv", RUNS, epochs)


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
