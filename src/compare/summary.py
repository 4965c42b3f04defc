"""Summary of a comparison: one sentence, a few figures, a few tags."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from src.compare.comparison import Comparison
from src.compare.contrasts import Verdict
from src.compare.factorial import Kind
from src.compare.family import ALPHA, Estimate
from src.compare.formatting import count, interval, p_equals
from src.compare.pairs import Pair
from src.compare.power import seeds_note

OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


def sentence(comparison: Comparison) -> str:
    """Answer the question in one sentence; no undecided difference gets a winner."""
    if not comparison.pairs:
        return _single_variant(comparison)
    if len(comparison.pairs) == 1:
        return _single_pair(comparison, comparison.pairs[0])
    return _many_pairs(comparison)


def metrics(comparison: Comparison) -> dict[str, float]:
    """Return the figures of the summary by metric: errors and differences as fractions."""
    counts = Counter(pair.verdict for pair in comparison.baseline_pairs)
    verdicts = {verdict.name.lower(): counts[verdict] for verdict in Verdict}
    found: dict[str, float] = {
        "variants": len(comparison.variants),
        "runs": sum(variant.n for variant in comparison.variants),
        "diverged": comparison.diverged,
        "failed": comparison.failed,
        "baseline_error": comparison.mean(comparison.baseline),
        "lowest_error": comparison.mean(comparison.best),
        **(verdicts if comparison.pairs else {}),
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
        "comparison.metric": comparison.criterion.tracked,
        "comparison.dataset": comparison.dataset,
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


def _single_variant(comparison: Comparison) -> str:
    variant, criterion = comparison.baseline, comparison.criterion
    value = criterion.metric.text(comparison.mean(variant)) + (" %" if criterion.unit else "")
    return (
        f"{variant.label} reaches a {criterion.label} of {value} "
        f"(mean of {count(variant.n, 'seed')}); there is nothing to compare it with."
    )


def _single_pair(comparison: Comparison, pair: Pair) -> str:
    a, b, effect = pair.a.label, pair.b.label, pair.effect
    label = comparison.criterion.label
    if effect.n == 0:
        return f"Undecided: {a} and {b} have no seed that both finished."
    observed = f"{a}'s {label} is {_relation(comparison, effect.mean)} {b}'s"
    evidence = _evidence(comparison, effect)
    if note := seeds_note([effect.n]):
        return f"Undecided: {observed}{_mcnemar(pair) if effect.n == 1 else ''}; {note}."
    if pair.verdict is Verdict.NOT_LEARNED:
        return f"{a} and {b} both failed to learn: {pair.reason} ({evidence})."
    if pair.verdict is Verdict.UNDECIDED:
        return f"Undecided: {observed}, {pair.reason or 'which may be chance'} ({evidence})."
    if pair.verdict is Verdict.EQUIVALENT:
        margin = f"±{comparison.criterion.metric.text(comparison.margin)}"
        difference = _points(comparison, effect.mean)
        inner = interval(effect.inner_low, effect.inner_high, comparison.criterion.metric)
        return (
            f"{a} and {b} are equivalent within {margin}{comparison.criterion.unit}: the "
            f"difference is {difference} (90 % interval {inner}, n = {count(effect.n, 'seed')})."
        )
    side = f"{_size(comparison, effect.mean)} {'lower' if effect.mean < 0 else 'higher'}"
    return f"{a} is {pair.verdict} than {b}: its {label} is {side} ({evidence})."


def _many_pairs(comparison: Comparison) -> str:
    pairs = comparison.baseline_pairs
    if comparison.effects:
        parts = [*_effects(comparison)]
    else:
        against = f"Of {len(pairs)} variants against {comparison.baseline.label}"
        n = count(comparison.seeds, "seed")
        parts = [f"{against}: {_counts(pair.verdict for pair in pairs)} (n = {n})"]
    note = seeds_note([pair.effect.n for pair in pairs])
    return "; ".join(filter(None, [*parts, _best(comparison), note])) + "."


def _effects(comparison: Comparison) -> Iterator[str]:
    """Describe main effects, the pairs at equal levels, and the largest interaction."""
    mains = [each for each in comparison.effects.items() if each[0].kind is Kind.MAIN]
    by_factor = {effect.factors[0]: [e for e in mains if e[0].factors == effect.factors]
                 for effect, _ in mains}  # fmt: skip
    for factor, effects in by_factor.items():
        if len(effects) == 1:
            ((effect, found),) = effects
            evidence = _evidence(comparison, found.estimate)
            size = _points(comparison, found.estimate.mean)
            yield (
                f"{effect.label}: {found.verdict}, {size} ({evidence}), "
                f"and {_counts(_at_equal_levels(comparison, factor))} at equal levels"
            )
        else:
            counts = _counts(found.verdict for _, found in effects)
            yield f"{factor} against {comparison.baseline.levels[factor]}: {counts} on average"
    changes = [e for e in comparison.effects.items() if e[0].kind is Kind.INTERACTION]
    shown = [each for each in changes if each[1].estimate.excludes_zero]
    if shown:
        effect, found = max(shown, key=lambda each: abs(each[1].estimate.mean))
        size, evidence = (
            _points(comparison, found.estimate.mean), _evidence(comparison, found.estimate)
        )  # fmt: skip
        yield f"the effects interact: {effect.label} it is {size} more ({evidence})"
    else:
        yield "no interaction is shown"


def _at_equal_levels(comparison: Comparison, factor: str) -> Iterator[Verdict]:
    """Yield the verdicts of pairs that differ in one factor, seen from the baseline's level."""
    for pair in comparison.listed_pairs:
        if pair.a.levels[factor] != pair.b.levels[factor]:
            is_turned = pair.a.levels[factor] == comparison.baseline.levels[factor]
            yield OPPOSITE.get(pair.verdict, pair.verdict) if is_turned else pair.verdict


def _counts(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _best(comparison: Comparison) -> str:
    best, baseline = comparison.best, comparison.baseline
    label = comparison.criterion.label
    if best is baseline:
        return f"none has a better {label} than {baseline.label}"
    (pair,) = (pair for pair in comparison.baseline_pairs if pair.a is best)
    found = f"the best {label} is that of {best.label}"
    if pair.effect.n == 0:
        return found
    evidence = f"n = {count(1, 'seed')}"
    if pair.effect.n > 1:
        evidence = _evidence(comparison, pair.effect)
    relation = _relation(comparison, pair.effect.mean)
    return f"{found}, {relation} the baseline's ({evidence}, {pair.verdict})"


def _evidence(comparison: Comparison, effect: Estimate) -> str:
    low_high = interval(effect.low, effect.high, comparison.criterion.metric)
    n = count(effect.n, "seed")
    return f"95 % interval {low_high}, n = {n}, {p_equals(effect.decisive_p)}"


def _points(comparison: Comparison, difference: float) -> str:
    return comparison.criterion.metric.difference(difference) + comparison.criterion.unit


def _size(comparison: Comparison, difference: float) -> str:
    return comparison.criterion.metric.text(abs(difference)) + comparison.criterion.unit


def _relation(comparison: Comparison, difference: float) -> str:
    if difference == 0:
        return "the same as"
    return f"{_size(comparison, difference)} {'below' if difference < 0 else 'above'}"


def _mcnemar(pair: Pair) -> str:
    if math.isnan(pair.mcnemar_p):
        return ""
    differ = "differ" if pair.mcnemar_p < ALPHA else "are not shown to differ"
    return f" (these two trained models {differ}, McNemar's {p_equals(pair.mcnemar_p)})"
