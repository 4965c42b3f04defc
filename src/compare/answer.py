"""The answer of a sweep as frames and as plain values, for programs and notebooks."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from src.compare.comparison import Comparison
from src.compare.plain_search import PlainSearch
from src.compare.spread import Spread
from src.compare.summary import sentence
from src.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

Result = Comparison | Spread | PlainSearch  # by what a sweep varies, and who decided on its jobs
PAIR = ("a", "b", "n", "difference", "low", "high", "p", "verdict")


@dataclass(frozen=True, repr=False)
class Answer:
    """A result, as frames and as plain values."""

    result: Result

    @cached_property
    def values(self) -> dict[str, Any]:
        """Question, verdict, and variants and pairs, the parts of a spread, or a search's trials.

        Errors are fractions, and differences a minus b, as stored; None stands for what cannot be
        told, such as an interval of one seed.
        """
        if isinstance(self.result, Comparison):
            return _compared(self.result)
        return self.result.values

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        return self.values["verdict"]

    @property
    def variants(self) -> "DataFrame":
        """A row for each variant: its levels, number of seeds and mean."""
        return self._frame("variants")

    @property
    def pairs(self) -> "DataFrame":
        """A row for each pair: difference a minus b, interval, p and verdict."""
        return self._frame("pairs", PAIR)

    @property
    def parts(self) -> "DataFrame":
        """A row for each source of a spread: its standard deviation with an interval."""
        return self._frame("parts")

    @property
    def trials(self) -> "DataFrame":
        """A row for each trial of a search, the best first."""
        return self._frame("trials")

    def _frame(self, name: str, columns: tuple[str, ...] | None = None) -> "DataFrame":
        """Return rows as a frame. Raises InputError for those that another answer has."""
        from pandas import DataFrame

        if name not in self.values:
            there = " and ".join(key for key, rows in self.values.items() if isinstance(rows, list))
            raise InputError(f"{name}: this sweep's answer has none; it has {there}")
        return DataFrame(self.values[name], columns=columns and list(columns))

    def __repr__(self) -> str:
        """Return the verdict, for the cell of a notebook."""
        return self.verdict


def _compared(comparison: Comparison) -> dict[str, Any]:
    variants = [
        {
            "variant": variant.label,
            "levels": dict(variant.levels),
            "n": variant.n,
            "mean": _number(comparison.mean(variant)),
            "diverged": variant.diverged,
            "failed": variant.failed,
        }
        for variant in comparison.variants
    ]
    pairs = []
    for pair in comparison.pairs:
        found = pair.estimate
        numbers = map(_number, (found.mean, found.low, found.high, found.decisive_p))
        told = (pair.a.label, pair.b.label, found.n, *numbers, str(pair.verdict))
        pairs.append(dict(zip(PAIR, told, strict=True)))
    return {
        "question": comparison.question,
        "verdict": sentence(comparison),
        "variants": variants,
        "pairs": pairs,
    }


def to_json(values: Mapping[str, Any]) -> str:
    """Return the values of an answer as a line of JSON."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
