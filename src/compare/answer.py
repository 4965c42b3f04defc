"""The answer of a comparison as plain values, for programs."""

import json
import math
from typing import Any

from src.compare.comparison import Comparison
from src.compare.pairs import Pair
from src.compare.summary import sentence
from src.compare.variants import Variant

PAIR = ("a", "b", "n", "difference", "low", "high", "p", "verdict")


def values(comparison: Comparison) -> dict[str, Any]:
    """Return question, verdict, variants and pairs; differences are a minus b, as stored.

    Errors are fractions; None stands for what cannot be told, such as an interval of one seed.
    """
    return {
        "question": comparison.question,
        "verdict": sentence(comparison),
        "variants": [_variant(comparison, variant) for variant in comparison.variants],
        "pairs": [_pair(pair) for pair in comparison.pairs],
    }


def _variant(comparison: Comparison, variant: Variant) -> dict[str, Any]:
    return {
        "variant": variant.label,
        "levels": dict(variant.levels),
        "n": variant.n,
        "mean": _number(comparison.mean(variant)),
        "diverged": variant.diverged,
        "failed": variant.failed,
    }


def to_json(comparison: Comparison) -> str:
    """Return the same as a line of JSON."""
    return json.dumps(values(comparison), ensure_ascii=False, allow_nan=False)


def _pair(pair: Pair) -> dict[str, Any]:
    effect = pair.effect
    found = (effect.mean, effect.low, effect.high, effect.decisive_p)
    told = (pair.a.label, pair.b.label, effect.n, *map(_number, found), str(pair.verdict))
    return dict(zip(PAIR, told, strict=True))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
