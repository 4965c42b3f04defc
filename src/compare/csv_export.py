"""CSV files of a comparison, whose columns other programs read."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from src.compare.columns import PAIRS_CSV, Row, Value, csv_values, effect_columns, summary_csv
from src.compare.comparison import Comparison
from src.compare.variants import factors_of
from src.metrics import EPOCH_METRICS, SPLITS, TEST_ERROR

MEASURES = ("epoch", *(key for key, name in EPOCH_METRICS.items() if name.startswith(SPLITS)))
RUNS = ("variant", "seed", "run_id", *MEASURES, "test_error")


def write_csv(comparison: Comparison, folder: Path) -> None:
    """Write summary.csv, pairs.csv, runs.csv and, of a factorial design, effects.csv.

    Errors are fractions; a cell is empty for NaN, and for a factor that a variant does not have.
    """
    summary = summary_csv(comparison.criterion, comparison.further)
    write_table(folder / "summary.csv", summary, comparison.variants)
    write_table(folder / "pairs.csv", PAIRS_CSV, comparison.pairs)
    _write_runs(folder / "runs.csv", comparison)
    if comparison.effects:
        effects = csv_values(effect_columns(comparison.criterion.metric))
        write_table(folder / "effects.csv", effects, [*comparison.effects.items()])


def _write_runs(path: Path, comparison: Comparison) -> None:
    """Write a row an epoch, with a column for each further metric and each factor."""
    measured = dict.fromkeys(
        [name for run in comparison.runs for epoch in run.epochs[:1] for name in epoch.others]
        + [name for run in comparison.runs for name in run.summary if name.startswith("test/")]
    )
    others = [n for n in measured if n.startswith(("train/", "val/", "test/")) and n != TEST_ERROR]
    factors = [f for f in factors_of(comparison.variants) if f not in RUNS]
    measures = attrgetter(*MEASURES)

    def rows() -> Iterator[Sequence[Value]]:
        for variant in comparison.variants:
            levels = [variant.levels.get(factor, "") for factor in factors]
            for run in variant.runs:
                own, test_error = (variant.label, run.seed, run.run_id), run.test_error
                for epoch in run.epochs:
                    further = ((run if n.startswith("test/") else epoch).value(n) for n in others)
                    yield *own, *measures(epoch), test_error, *further, *levels

    _write(path, [*RUNS, *(name.replace("/", "_") for name in others), *factors], rows())


def write_table(
    path: Path, columns: Mapping[str, Callable[[Row], Value]], rows: Iterable[Row]
) -> None:
    """Write the values of columns, a line for each row."""
    _write(path, columns, ([value(row) for value in columns.values()] for row in rows))


def _write(path: Path, names: Iterable[str], rows: Iterable[Sequence[Value]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(map(_cell, row) for row in rows)


def _cell(value: Value) -> Value:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value
