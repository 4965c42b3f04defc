"""What a comparison comes to: one sentence, a few figures, a few tags."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from src.compare.stats import ALPHA, seeds_needed
from src.compare.units import interval, p_equals, p_value, percent, points

if TYPE_CHECKING:
    from src.compare.comparison import Comparison, Pair
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
    return {
        "comparison.question": comparison.question,
        "comparison.verdict": comparison.verdict,
        "comparison.baseline": comparison.baseline.label,
        "comparison.lowest": comparison.lowest.label,
        "comparison.dataset": f"{comparison.dataset} {comparison.digest}".strip(),
    }


def shortage(n: int, tests: int) -> str:
    """Why so few pairs decide nothing and how many would do; '' where they suffice."""
    if n >= seeds_needed(tests):
        return ""
    smallest = f"the smallest is 2/2^{n} = {p_value(2 / 2**n)}" if n > 1 else "the test needs two"
    possible = f"no p-value below 0.05 is possible ({smallest})"
    if n >= seeds_needed(1):
        possible = f"none of {tests} pairs can reach 0.05 after Holm's correction ({smallest})"
    return f"with {seeds(n)} {possible}, {seeds_needed(tests)} would do"


def seeds(n: int) -> str:
    return f"{n} seed" if n == 1 else f"{n} seeds"


def _alone(variant: Variant) -> str:
    n = len(variant.usable)
    return (
        f"{variant.label} reaches a best validation error of {percent(variant.mean)} % "
        f"(mean of {seeds(n)}); there is nothing to compare it with."
    )


def _duel(pair: Pair, margin: float) -> str:
    a, b, effect = pair.a.label, pair.b.label, pair.effect
    if effect.n == 0:
        return f"Undecided: no seed of both {a} and {b} has finished."
    if short := shortage(effect.n, 1):
        seen = f"{a} {_stands(effect.mean)} {b} so far"
        if effect.n > 1:
            return f"Undecided: {seen} (n = {effect.n}), and {short}."
        return f"Undecided: {seen}{_mcnemar(pair.mcnemar_p)}, and {short}."
    facts = (
        f"95 % interval {interval(effect.low, effect.high)}, n = {seeds(effect.n)}, "
        f"{p_equals(effect.p)}"
    )
    if pair.verdict == "equivalent":
        within = f"equivalent within ± {percent(margin)} points"
        return f"{a} and {b} are {within}: the difference is {points(effect.mean)} ({facts})."
    if pair.verdict == "undecided":
        return f"Undecided: {a} {_stands(effect.mean)} {b}, which may be chance ({facts})."
    return f"{a} is {pair.verdict} than {b}: it {_stands(effect.mean)} it ({facts})."


def _field(comparison: Comparison) -> str:
    pairs, baseline, lowest = comparison.with_baseline, comparison.baseline, comparison.lowest
    counts = Counter(pair.verdict for pair in pairs)
    listed = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])
    most = max(pair.effect.n for pair in pairs)
    short = shortage(most, len(pairs))
    found = f"Of {len(pairs)} variants against {baseline.label}: {listed} (n = {seeds(most)})"
    if lowest is baseline:
        best = f"none has a lower mean error than its {percent(baseline.mean)} %"
    else:
        (pair,) = (pair for pair in pairs if pair.a is lowest)
        best = (
            f"the lowest mean error is {lowest.label}'s {percent(lowest.mean)} %, which "
            f"{_stands(pair.effect.mean)} it"
        )
        if pair.effect.n > 1:
            best += f" (95 % interval {interval(pair.effect.low, pair.effect.high)})"
        best += f", {pair.verdict}"
    return f"{found}; {best}{f'; {short}' if short else ''}."


def _stands(difference: float) -> str:
    if difference == 0:
        return "has the same best validation error as"
    side = "below" if difference < 0 else "above"
    return f"is {percent(abs(difference))} points {side}"


def _mcnemar(p: float) -> str:
    if math.isnan(p):
        return ""
    differ = "differ" if p < ALPHA else "are not shown to differ"
    return f" (McNemar: these two trained models {differ}, {p_equals(p)})"
