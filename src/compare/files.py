"""A comparison as CSV files, whose columns other programs read."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from src.compare.comparison import Comparison
from src.compare.pairs import Pair
from src.compare.variants import Variant

SUMMARY = (
    *("variant", "n", "diverged", "failed", "best_val_error_mean", "best_val_error_sd"),
    *("final_val_error_mean", "final_val_error_sd", "test_error_mean", "train_error_mean"),
    "epoch_seconds_mean",
)
PAIRS = (
    *("a", "b", "n", "difference", "low", "high", "a_better"),
    *("p", "p_holm", "mcnemar_p", "verdict"),
)
RUNS = ("variant", "seed", "run_id", "epoch", "train_loss", "train_error", "val_loss", "val_error")

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
