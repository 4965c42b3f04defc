"""Summary of a comparison: one sentence, a few figures, a few tags."""

import math
from collections import Counter

from src.compare.comparison import Comparison
from src.compare.formatting import count, interval, p_equals, percent, points
from src.compare.pairs import Pair, Verdict
from src.compare.power import seeds_note
from src.compare.stats import ALPHA
from src.compare.variants import Variant


def sentence(comparison: Comparison) -> str:
    """Answer the question in one sentence; no undecided difference gets a winner."""
    if not comparison.pairs:
        return _single_variant(comparison.baseline)
    if len(comparison.pairs) == 1:
        return _single_pair(comparison.pairs[0], comparison.margin)
    return _many_pairs(comparison)


def metrics(comparison: Comparison) -> dict[str, float]:
    """Return the figures of the summary by metric: errors and differences as fractions."""
    counts = Counter(pair.verdict for pair in comparison.baseline_pairs)
    found: dict[str, float] = {
        "variants": len(comparison.variants),
        "runs": sum(len(variant.usable) for variant in comparison.variants),
        "diverged": comparison.diverged,
        "failed": comparison.failed,
        "baseline_error": comparison.baseline.mean_error,
        "lowest_error": comparison.best.mean_error,
        **{verdict.value: counts[verdict] for verdict in Verdict if comparison.pairs},
    }
    if len(comparison.pairs) == 1:
        found |= _pair_metrics(comparison.pairs[0])
    return {f"comparison/{k}": float(value) for k, value in found.items() if math.isfinite(value)}


def tags(comparison: Comparison) -> dict[str, str]:
    """Return question, answer, baseline and data by tag, to find the comparison by."""
    return {
        "comparison.question": comparison.question,
        "comparison.verdict": sentence(comparison),
        "comparison.baseline": comparison.baseline.label,
        "comparison.lowest": comparison.best.label,
        "comparison.dataset": f"{comparison.dataset} {comparison.digest}".strip(),
    }


def _pair_metrics(pair: Pair) -> dict[str, float]:
    effect = pair.effect
    return {
        "difference": effect.mean,
        "difference_low": effect.low,
        "difference_high": effect.high,
        "p": effect.p,
        "mcnemar_p": pair.mcnemar_p,
    }


def _single_variant(variant: Variant) -> str:
    return (
        f"{variant.label} reaches a best validation error of {percent(variant.mean_error)} % "
        f"(mean of {count(len(variant.usable), 'seed')}); there is nothing to compare it with."
    )


def _single_pair(pair: Pair, margin: float) -> str:
    a, b, effect = pair.a.label, pair.b.label, pair.effect
    if effect.n == 0:
        return f"Undecided: {a} and {b} have no seed that both finished."
    observed = f"{a}'s best validation error is {_relation(effect.mean)} {b}'s"
    if note := seeds_note([effect.n]):
        return f"Undecided: {observed}{_mcnemar(pair) if effect.n == 1 else ''}; {note}."
    if pair.verdict is Verdict.UNDECIDED:
        return f"Undecided: {observed}, which may be chance ({_evidence(pair)})."
    if pair.verdict is Verdict.EQUIVALENT:
        difference = f"the difference is {points(effect.mean)} points ({_evidence(pair)})"
        return f"{a} and {b} are equivalent within ±{percent(margin)} points: {difference}."
    side = f"{percent(abs(effect.mean))} points {'lower' if effect.mean < 0 else 'higher'}"
    return (
        f"{a} is {pair.verdict} than {b}: its best validation error is {side} ({_evidence(pair)})."
    )


def _many_pairs(comparison: Comparison) -> str:
    pairs = comparison.baseline_pairs
    counts = Counter(pair.verdict for pair in pairs)
    listed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    n = max(pair.effect.n for pair in pairs)
    parts = [
        f"Of {len(pairs)} variants against {comparison.baseline.label}: {listed} "
        f"(n = {count(n, 'seed')})",
        _best(comparison),
        seeds_note([n] * len(pairs)),
    ]
    return "; ".join(filter(None, parts)) + "."


def _best(comparison: Comparison) -> str:
    best, baseline = comparison.best, comparison.baseline
    if best is baseline:
        return f"none has a lower mean error than its {percent(baseline.mean_error)} %"
    (pair,) = (pair for pair in comparison.baseline_pairs if pair.a is best)
    found = f"the lowest mean error is {percent(best.mean_error)} % with {best.label}"
    if pair.effect.n == 0:
        return found
    evidence = _evidence(pair) if pair.effect.n > 1 else f"n = {count(1, 'seed')}"
    return f"{found}, {_relation(pair.effect.mean)} the baseline's ({evidence}, {pair.verdict})"


def _evidence(pair: Pair) -> str:
    effect = pair.effect
    low_high = interval(effect.low, effect.high)
    return f"95 % interval {low_high}, n = {count(effect.n, 'seed')}, {p_equals(effect.p)}"


def _relation(difference: float) -> str:
    if difference == 0:
        return "the same as"
    return f"{percent(abs(difference))} points {'below' if difference < 0 else 'above'}"


def _mcnemar(pair: Pair) -> str:
    if math.isnan(pair.mcnemar_p):
        return ""
    differ = "differ" if pair.mcnemar_p < ALPHA else "are not shown to differ"
    return f" (these two trained models {differ}, McNemar's {p_equals(pair.mcnemar_p)})"
