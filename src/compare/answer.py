"""The answer of a sweep as frames and as plain values, for programs and notebooks."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from src.compare.columns import PAIRS_CSV, Row, csv_values, summary_csv, trials_csv
from src.compare.comparison import Comparison
from src.compare.plain_search import PlainSearch
from src.compare.spread import COLUMNS, Spread
from src.compare.summary import sentence
from src.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

Result = Comparison | Spread | PlainSearch  # by what a sweep varies, and who decided on its jobs


@dataclass(frozen=True, repr=False)
class Answer:
    """A result, as frames and as plain values."""

    result: Result

    @cached_property
    def values(self) -> dict[str, Any]:
        """Question, verdict, and variants and pairs, the parts of a spread, or a search's trials.

        Rows are named as in the CSV files. Errors are fractions, and differences a minus b, as
        stored; None stands for what cannot be told, such as an interval of one seed.
        """
        result = self.result
        verdict = sentence(result) if isinstance(result, Comparison) else result.sentence
        return {"question": result.question, "verdict": verdict, **_tables(result)}

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        return self.values["verdict"]

    @property
    def variants(self) -> "DataFrame":
        """A row for each variant: its levels, number of seeds and means."""
        return self._frame("variants")

    @property
    def pairs(self) -> "DataFrame":
        """A row for each pair: difference a minus b, interval, p and verdict."""
        return self._frame("pairs", PAIRS_CSV)

    @property
    def parts(self) -> "DataFrame":
        """A row for each source of a spread: its standard deviation with an interval."""
        return self._frame("parts")

    @property
    def trials(self) -> "DataFrame":
        """A row for each trial of a search, the best first."""
        return self._frame("trials")

    def _frame(self, name: str, columns: Iterable[str] | None = None) -> "DataFrame":
        """Return rows as a frame. Raises InputError for those that another answer has."""
        from pandas import DataFrame

        if name not in self.values:
            there = " and ".join(key for key, rows in self.values.items() if isinstance(rows, list))
            raise InputError(f"{name}: this sweep's answer has none; it has {there}")
        return DataFrame(self.values[name], columns=columns and [*columns])

    def __repr__(self) -> str:
        """Return the verdict, for the cell of a notebook."""
        return self.verdict


def _tables(result: Result) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a result by their names, columns named as in its CSV files."""
    if isinstance(result, Spread):
        return {"parts": _rows(csv_values(COLUMNS), result.components)}
    if isinstance(result, PlainSearch):
        settings = {"settings": lambda row: dict(row.settings)}
        return {"trials": _rows(trials_csv(result.keys) | settings, result.trials)}
    own = {"levels": lambda row: dict(row.levels), "mean": result.mean}
    variants = summary_csv(result.criterion, result.further) | own
    return {
        "variants": _rows(variants, result.variants),
        "pairs": _rows(PAIRS_CSV, result.pairs),
    }


def _rows(columns: Mapping[str, Callable[[Row], Any]], rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{name: _plain(value(row)) for name, value in columns.items()} for row in rows]


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: words without their class, None for NaN and infinity."""
    if isinstance(value, str):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(values: Mapping[str, Any]) -> str:
    """Return the values of an answer as a line of JSON."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False)
