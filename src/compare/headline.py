"""What a comparison comes to: one sentence, a few figures, a few tags."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from src.compare.stats import ALPHA, seeds_needed
from src.compare.units import count, interval, p_equals, p_value, percent, points

if TYPE_CHECKING:
    from src.compare.comparison import Comparison
    from src.compare.pairs import Pair
    from src.compare.variants import Variant

VERDICTS = ("better", "worse", "equivalent", "undecided")


def sentence(comparison: Comparison) -> str:
    """The answer in one sentence; it never calls an undecided difference by a winner."""
    if not comparison.pairs:
        return _alone(comparison.baseline)
    if len(comparison.pairs) == 1:
        return _duel(comparison.pairs[0], comparison.margin)
    return _field(comparison)


def metrics(comparison: Comparison) -> dict[str, float]:
    """Headline figures: errors and differences as fractions, all finite."""
    variants = comparison.variants
    found = {
        "comparison/variants": len(variants),
        "comparison/runs": sum(len(variant.usable) for variant in variants),
        "comparison/diverged": sum(variant.diverged for variant in variants),
        "comparison/failed": sum(variant.failed for variant in variants),
        "comparison/baseline_error": comparison.baseline.mean,
        "comparison/lowest_error": comparison.lowest.mean,
    }
    if len(comparison.pairs) == 1:
        (pair,) = comparison.pairs
        effect = {name: float(getattr(pair.effect, name)) for name in ("mean", "low", "high", "p")}
        found |= {
            "comparison/difference": effect["mean"],
            "comparison/difference_low": effect["low"],
            "comparison/difference_high": effect["high"],
            "comparison/p": effect["p"],
            "comparison/mcnemar_p": pair.mcnemar_p,
        }
    counts = Counter(pair.verdict for pair in comparison.with_baseline)
    found |= {f"comparison/{word}": counts[word] for word in VERDICTS if comparison.pairs}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def tags(comparison: Comparison) -> dict[str, str]:
    """Question, answer and what they rest on, to find the comparison by."""
    return {
        "comparison.question": comparison.question,
        "comparison.verdict": comparison.verdict,
        "comparison.baseline": comparison.baseline.label,
        "comparison.lowest": comparison.lowest.label,
        "comparison.dataset": f"{comparison.dataset} {comparison.digest}".strip(),
    }


def shortage(n: int, tests: int) -> str:
    """Why so few seeds decide nothing and how many would do; '' where they suffice."""
    if n >= seeds_needed(tests):
        return ""
    possible = "no p-value below 0.05 is possible"
    if n >= seeds_needed(1):
        possible = f"none of {tests} pairs can reach 0.05 after Holm's correction"
    if n > 1:
        possible += f" (the smallest p is 2/2^{n} = {p_value(2 / 2**n)})"
    return f"with {count(n, 'seed')} {possible}, {count(seeds_needed(tests), 'seed')} would do"


def _alone(variant: Variant) -> str:
    return (
        f"{variant.label} reaches a best validation error of {percent(variant.mean)} % "
        f"(mean of {count(len(variant.usable), 'seed')}); there is nothing to compare it with."
    )


def _duel(pair: Pair, margin: float) -> str:
    a, b, effect = pair.a.label, pair.b.label, pair.effect
    if effect.n == 0:
        return f"Undecided: {a} and {b} have no seed that both finished."
    seen = f"{a}'s best validation error is {_beside(effect.mean)} {b}'s"
    if short := shortage(effect.n, 1):
        return f"Undecided: {seen}{_mcnemar(pair) if effect.n == 1 else ''}; {short}."
    if pair.verdict == "undecided":
        return f"Undecided: {seen}, which may be chance ({_facts(pair)})."
    if pair.verdict == "equivalent":
        difference = f"the difference is {points(effect.mean)} points ({_facts(pair)})"
        return f"{a} and {b} are equivalent within ±{percent(margin)} points: {difference}."
    side = f"{percent(abs(effect.mean))} points {'lower' if effect.mean < 0 else 'higher'}"
    return f"{a} is {pair.verdict} than {b}: its best validation error is {side} ({_facts(pair)})."


def _field(comparison: Comparison) -> str:
    pairs = comparison.with_baseline
    counts = Counter(pair.verdict for pair in pairs)
    listed = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])
    most = max(pair.effect.n for pair in pairs)
    said = [
        f"Of {len(pairs)} variants against {comparison.baseline.label}: {listed} "
        f"(n = {count(most, 'seed')})",
        _lowest(comparison),
        shortage(most, len(pairs)),
    ]
    return "; ".join(filter(None, said)) + "."


def _lowest(comparison: Comparison) -> str:
    lowest, baseline = comparison.lowest, comparison.baseline
    if lowest is baseline:
        return f"none has a lower mean error than its {percent(baseline.mean)} %"
    (pair,) = (pair for pair in comparison.with_baseline if pair.a is lowest)
    found = f"the lowest mean error is {percent(lowest.mean)} % with {lowest.label}"
    if pair.effect.n == 0:
        return found
    shown = _facts(pair) if pair.effect.n > 1 else f"n = {count(1, 'seed')}"
    return f"{found}, {_beside(pair.effect.mean)} the baseline's ({shown}, {pair.verdict})"


def _facts(pair: Pair) -> str:
    effect = pair.effect
    low_high = interval(effect.low, effect.high)
    return f"95 % interval {low_high}, n = {count(effect.n, 'seed')}, {p_equals(effect.p)}"


def _beside(difference: float) -> str:
    if difference == 0:
        return "the same as"
    return f"{percent(abs(difference))} points {'below' if difference < 0 else 'above'}"


def _mcnemar(pair: Pair) -> str:
    if math.isnan(pair.mcnemar_p):
        return ""
    differ = "differ" if pair.mcnemar_p < ALPHA else "are not shown to differ"
    return f" (these two trained models {differ}, McNemar's {p_equals(pair.mcnemar_p)})"
