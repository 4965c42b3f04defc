"""Comparison of a table that fairsweep did not make: factors, a seed and a value in each row."""

import argparse
import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from src.compare.answer import Answer, to_json
from src.compare.comparison import compare as compare_runs
from src.compare.terminal import print_result
from src.compare.variants import find_baseline, find_variants
from src.config.compare_settings import CompareSettings
from src.errors import InputError
from src.messages.error_text import listed, nearest, options, refusal, unknown
from src.metrics import BUILT_IN, Direction, Epoch, Metric, Run, Unit
from src.status import Outcome, Status

if TYPE_CHECKING:
    from pandas import DataFrame

NOT_MEASURED = Epoch(1, 0.0, math.nan, 0.0, math.nan, math.nan, math.nan)


def compare(
    frame: "DataFrame | Sequence[Mapping[str, Any]]",
    *,
    value: str,
    seed: str,
    baseline: str | None = None,
    margin: float = 0.0,
    maximize: bool = False,
    question: str | None = None,
    places: Sequence[str] = (),
) -> Answer:
    """Compare the variants of a table by the values that they share a seed with.

    Args:
        frame: a column to judge by, a column to pair by, and columns that tell variants apart.
        value: the name of the first, of numbers; one that is missing is a run that failed.
        seed: the name of the second: a seed, a fold, a data set.
        baseline: `factor=level …` that one variant has; None for that of the first row.
        margin: a difference too small to matter, in the unit of the values.
        maximize: whether a higher value is better.
        question: what is asked; None for a question made from the factors.
        places: where each row is to be found, for messages; without them a row has its number.

    Raises:
        InputError: a column is not there, a value no number, or a variant has a seed twice.
    """
    if not isinstance(frame, Sequence):
        frame = frame.to_dict("records")
    places = places or [f"row {number}" for number in range(1, len(frame) + 1)]
    if not 0 <= margin < math.inf:
        raise InputError(f"margin={margin}: must be a number of at least 0")
    name = str(value).replace("/", "_")
    metric = Metric(name, Direction.MAXIMIZE if maximize else Direction.MINIMIZE, Unit.NONE)
    runs = _runs(frame, places, value, seed, metric)
    find_baseline(find_variants(runs), baseline, "baseline")  # to refuse it by the name it has here
    settings = CompareSettings(
        question, baseline, f"test/{name}", margin, looks=None, target_error=None
    )
    found = compare_runs(runs, settings, correct=lambda run_id: None, metric_name=str(value))
    return Answer(found)


def _runs(
    rows: Sequence[Mapping[str, Any]], places: Sequence[str], value: str, seed: str, metric: Metric
) -> list[Run]:
    columns = list(rows[0]) if rows else []
    if value == seed:
        raise InputError(f"seed={seed}: must be another column than the value's")
    for role, column in (("value", value), ("seed", seed)):
        if column not in columns:
            named = listed([*map(str, columns)]) or "none"
            hint = nearest(column, map(str, columns))
            raise InputError(f"{role}={column}: must be a column; there are {named}{hint}")
    factors = [column for column in columns if column not in (value, seed)]
    if not factors:
        raise InputError(f"{value}, {seed}: a further column must tell the variants apart")
    seeds: dict[str, int] = {}
    runs: dict[tuple[Any, ...], Run] = {}
    for place, row in zip(places, rows, strict=True):
        if lacking := [column for column in columns if column not in row]:
            raise InputError(f"{place}: {lacking[0]}: must be given, as in the first row")
        levels = {str(factor): str(row[factor]) for factor in factors}
        name = " ".join(f"{factor}={level}" for factor, level in levels.items())
        pair = seeds.setdefault(str(row[seed]), len(seeds))
        key = (*levels.values(), pair)
        if key in runs:
            said = f"{name} has {seed}={row[seed]} already; must have one row for each {seed}"
            raise InputError(f"{place}: {said}")
        judged = _number(row[value], value, place)
        runs[key] = Run(
            run_id="",
            name=name,
            status=Status.FAILED if math.isnan(judged) else Status.FINISHED,
            outcome=Outcome.FAILED if math.isnan(judged) else Outcome.FINISHED,
            seed=pair,
            config=levels,
            dataset="",
            digest="",
            split="",
            epochs=(NOT_MEASURED,),
            summary={f"test/{metric.name}": judged},
            metrics={**BUILT_IN, metric.name: metric},
            chance=math.inf,  # not known of a foreign value
        )
    return list(runs.values())


def _number(text: object, column: str, place: str) -> float:
    try:
        number = float(text) if text not in ("", None) else math.nan  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise InputError(f"{place}: {column}={text}: must be a finite number, or empty")
    return number


def _read_csv(file: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows of a CSV file with a header, and the file and line where each ends.

    Raises InputError in one line.
    """
    rows, places = [], []
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines, strict=True, skipinitialspace=True)
            for row in table:
                rows.append(row)
                places.append(f"{file}:{table.line_num}")
            names = table.fieldnames or ()
    except UnicodeDecodeError as error:
        raise InputError(f"--csv {file}: must be text, CSV that is saved as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"--csv {file}: cannot be read: {refusal(error)}") from error
    if "" in names:
        number = [*names].index("") + 1
        raise InputError(f"--csv {file}: column {number}: must have a name in the header")
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise InputError(f"--csv {file}: {twice[0]}: must be the name of one column alone")
    for place, row in zip(places, rows, strict=True):
        if None in row or None in row.values():
            raise InputError(f"{place}: must have as many values as the header, {len(names)}")
    if not rows:
        raise InputError(f"--csv {file}: must have a header and a row at least")
    return rows, places


def _margin(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"--margin={text}: must be a number of at least 0") from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.removeprefix('argument ')}; --help shows how")


def main(arguments: Sequence[str]) -> None:
    """Compare the rows of a CSV file, and print tables and answer, or the answer as JSON."""
    parser = _Parser(prog="python -m src.compare", add_help=False, allow_abbrev=False)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--value")
    parser.add_argument("--seed")
    parser.add_argument("--baseline")
    parser.add_argument("--question")
    parser.add_argument("--margin", type=_margin, default=0.0)
    parser.add_argument("--maximize", action="store_true")
    parser.add_argument("--json", action="store_true")
    found, others = parser.parse_known_args(arguments)
    if others:
        raise InputError(unknown(others[0].partition("=")[0], options(parser)))
    given = vars(found)
    for option in ("value", "seed"):
        if given[option] is None:
            raise InputError(f"--{option}: must be given, the name of a column")
    is_json = given.pop("json")
    rows, places = _read_csv(given.pop("csv"))
    answer = compare(rows, places=places, **given)
    if is_json:
        print(to_json(answer.values))
    else:
        print_result(answer.result)
