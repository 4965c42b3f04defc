"""The answer of a comparison as frames and as plain values, for programs and notebooks."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from src.compare.comparison import Comparison
from src.compare.summary import sentence

if TYPE_CHECKING:
    from pandas import DataFrame

PAIR = ("a", "b", "n", "difference", "low", "high", "p", "verdict")


@dataclass(frozen=True, repr=False)
class Answer:
    """A comparison, as frames and as plain values."""

    comparison: Comparison

    @cached_property
    def values(self) -> dict[str, Any]:
        """Question, verdict, variants and pairs; differences are a minus b, as stored.

        Errors are fractions; None stands for what cannot be told, such as an interval of one seed.
        """
        variants = [
            {
                "variant": variant.label,
                "levels": dict(variant.levels),
                "n": variant.n,
                "mean": _number(self.comparison.mean(variant)),
                "diverged": variant.diverged,
                "failed": variant.failed,
            }
            for variant in self.comparison.variants
        ]
        pairs = []
        for pair in self.comparison.pairs:
            found = pair.estimate
            numbers = map(_number, (found.mean, found.low, found.high, found.decisive_p))
            told = (pair.a.label, pair.b.label, found.n, *numbers, str(pair.verdict))
            pairs.append(dict(zip(PAIR, told, strict=True)))
        return {
            "question": self.comparison.question,
            "verdict": self.verdict,
            "variants": variants,
            "pairs": pairs,
        }

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        return sentence(self.comparison)

    @property
    def variants(self) -> "DataFrame":
        """A row for each variant: its levels, number of seeds and mean."""
        from pandas import DataFrame

        return DataFrame(self.values["variants"])

    @property
    def pairs(self) -> "DataFrame":
        """A row for each pair: difference a minus b, interval, p and verdict."""
        from pandas import DataFrame

        return DataFrame(self.values["pairs"], columns=list(PAIR))

    def __repr__(self) -> str:
        """Return the verdict, for the cell of a notebook."""
        return self.verdict


def to_json(values: Mapping[str, Any]) -> str:
    """Return the values of an answer as a line of JSON."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
