"""Comparison of a table that fairsweep did not make: factors, a seed and a value in each row."""

import argparse
import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from src.compare.answer import to_json
from src.compare.comparison import Comparison, ComparisonError, compare
from src.compare.terminal import table
from src.error_text import nearest
from src.errors import InputError
from src.metrics import BUILT_IN, Direction, Epoch, Metric, Run, Unit

WIDTH = 120  # of a table that no terminal shows


def compare_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    value: str,
    seed: str,
    baseline: str | None = None,
    margin: float = 0.0,
    maximize: bool = False,
    question: str | None = None,
) -> Comparison:
    """Compare the variants of a table by the values that they share a seed with.

    Args:
        rows: each a mapping of columns to values.
        value: the column to judge by, a number.
        seed: the column by which rows are paired: a seed, a fold, a data set.
        baseline: `factor=level …` that one variant has; None for that of the first row.
        margin: a difference too small to matter, in the unit of the values.
        maximize: whether a higher value is better.
        question: what is asked; None for a question made from the factors.

    Raises:
        InputError: a column is not there, a value no number, or a variant has a seed twice.
    """
    runs = _runs(rows, value, seed, Direction.MAXIMIZE if maximize else Direction.MINIMIZE)
    try:
        return compare(
            runs,
            baseline=baseline,
            margin=margin,
            target_error=None,
            question=question,
            correct=lambda run_id: None,
            metric=f"test/{_metric_name(value)}",
        )
    except ComparisonError as error:
        raise InputError(str(error)) from error


def _runs(
    rows: Sequence[Mapping[str, Any]], value: str, seed: str, direction: Direction
) -> list[Run]:
    columns = list(rows[0]) if rows else []
    for role, column in (("value", value), ("seed", seed)):
        if column not in columns:
            named = ", ".join(map(str, columns)) or "none"
            hint = nearest(column, map(str, columns))
            raise InputError(f"{role}={column}: must be a column; there are {named}{hint}")
    factors = [column for column in columns if column not in (value, seed)]
    if not factors:
        raise InputError(f"{value}, {seed}: a further column must tell the variants apart")
    seeds: dict[str, int] = {}
    metric = Metric(_metric_name(value), direction, Unit.NONE)
    runs: dict[tuple[Any, ...], Run] = {}
    for number, row in enumerate(rows, start=1):
        levels = {str(factor): str(row[factor]) for factor in factors}
        pair = seeds.setdefault(str(row[seed]), len(seeds))
        key = (*levels.values(), pair)
        if key in runs:
            shown = " ".join(f"{name}={level}" for name, level in levels.items())
            raise InputError(f"row {number}: {shown} has {seed}={row[seed]} already")
        runs[key] = _run(levels, pair, _number(row[value], value, number), metric)
    return list(runs.values())


def _run(levels: Mapping[str, str], seed: int, value: float, metric: Metric) -> Run:
    """Return a row as a run; one without a value has not finished."""
    return Run(
        run_id="",
        name=" ".join(f"{name}={level}" for name, level in levels.items()),
        status="FAILED" if math.isnan(value) else "FINISHED",
        outcome="failed" if math.isnan(value) else "finished",
        seed=seed,
        config=levels,
        dataset="",
        digest="",
        split="",
        epochs=(Epoch(1, 0.0, math.nan, 0.0, math.nan, math.nan, math.nan),),
        summary={f"test/{metric.name}": value},
        metrics={**BUILT_IN, metric.name: metric},
        chance=math.inf,  # not known of a foreign value
    )


def _metric_name(column: str) -> str:
    return str(column).replace("/", "_")


def _number(text: object, column: str, row: int) -> float:
    try:
        return float(text) if text not in ("", None) else math.nan  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"row {row}: {column}={text}: must be a number, or empty") from None


def read_csv(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header. Raises InputError in one line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--csv {file}: cannot be read: {error}") from error
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise InputError(f"--csv {file}: row {number}: must have as many values as the header")
    if not rows:
        raise InputError(f"--csv {file}: must have a header and a row at least")
    return rows


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def main(arguments: Sequence[str]) -> None:
    """Compare the rows of a CSV file, and print tables and answer, or the answer as JSON."""
    parser = _Parser(prog="python -m src.compare", add_help=False, allow_abbrev=False)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--value", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--baseline")
    parser.add_argument("--question")
    parser.add_argument("--margin", type=float, default=0.0)
    parser.add_argument("--maximize", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args(arguments))
    rows, is_json = read_csv(given.pop("csv")), given.pop("json")
    result = compare_rows(rows, **given)
    if is_json:
        print(to_json(result))
    else:
        console = Console()
        width = console.width if console.is_terminal else max(console.width, WIDTH)
        Console(width=width, file=sys.stdout).print(table(result, width))
