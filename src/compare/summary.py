"""Summary of a comparison: one sentence, a few figures, a few tags."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from src.compare.comparison import Comparison
from src.compare.contrasts import Verdict
from src.compare.criterion import Criterion
from src.compare.family import ALPHA, Estimate
from src.compare.formatting import count, interval, p_value
from src.compare.pairs import Pair
from src.compare.power import seeds_note


def sentence(comparison: Comparison) -> str:
    """Answer the question in one sentence; no undecided difference gets a winner."""
    if not comparison.pairs:
        return _single_variant(comparison)
    if len(comparison.pairs) == 1:
        return _single_pair(comparison, comparison.pairs[0])
    return _many_pairs(comparison)


def metrics(comparison: Comparison) -> dict[str, float]:
    """Return the figures of the summary by metric: errors and differences as fractions."""
    found: dict[str, float] = {
        "variants": len(comparison.variants),
        "runs": sum(variant.n for variant in comparison.variants),
        "diverged": comparison.diverged,
        "failed": comparison.failed,
        "baseline_error": comparison.mean(comparison.baseline),
        "lowest_error": comparison.mean(comparison.best),
    }
    if comparison.pairs:
        counts = Counter(pair.verdict for pair in comparison.baseline_pairs)
        found |= {verdict.name.lower(): counts[verdict] for verdict in Verdict}
    if len(comparison.pairs) == 1:
        (pair,) = comparison.pairs
        found |= {
            "difference": pair.estimate.mean,
            "difference_low": pair.estimate.low,
            "difference_high": pair.estimate.high,
            "p": pair.estimate.p,
            "mcnemar_p": pair.mcnemar_p,
        }
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


def _single_variant(comparison: Comparison) -> str:
    variant, criterion = comparison.baseline, comparison.criterion
    value = criterion.metric.text(comparison.mean(variant)) + (" %" if criterion.unit else "")
    return (
        f"{variant.label} reaches a {criterion.label} of {value} "
        f"(mean of {count(variant.n, 'seed')}); there is nothing to compare it with."
    )


def _single_pair(comparison: Comparison, pair: Pair) -> str:
    a, b, estimate, criterion = pair.a.label, pair.b.label, pair.estimate, comparison.criterion
    if estimate.n == 0:
        return f"Undecided: {a} and {b} have no seed that both finished."
    observed = f"{a}'s {criterion.label} is {_relation(criterion, estimate.mean)} {b}'s"
    evidence = _evidence(criterion, estimate)
    if note := seeds_note([estimate.n]):
        return f"Undecided: {observed}{_mcnemar(pair) if estimate.n == 1 else ''}; {note}."
    if pair.verdict is Verdict.NOT_LEARNED:
        return f"{a} and {b} both failed to learn: {pair.reason} ({evidence})."
    if pair.verdict is Verdict.UNDECIDED:
        return f"Undecided: {observed}, {pair.reason or 'which may be chance'} ({evidence})."
    if pair.verdict is Verdict.EQUIVALENT:
        inner = interval(estimate.inner_low, estimate.inner_high, criterion.metric)
        return (
            f"{a} and {b} are equivalent within ±{criterion.amount(comparison.margin)}: the "
            f"difference is {criterion.difference(estimate.mean)} "
            f"(90 % interval {inner}, n = {count(estimate.n, 'seed')})."
        )
    side = "lower" if estimate.mean < 0 else "higher"
    size = criterion.amount(abs(estimate.mean))
    return f"{a} is {pair.verdict} than {b}: its {criterion.label} is {size} {side} ({evidence})."


def _many_pairs(comparison: Comparison) -> str:
    pairs = comparison.baseline_pairs
    if comparison.effects:
        parts = [*_main_effects(comparison), _interaction(comparison)]
    else:
        against = f"Of {len(pairs)} variants against {comparison.baseline.label}"
        n = count(comparison.seeds, "seed")
        parts = [f"{against}: {_counts(pair.verdict for pair in pairs)} (n = {n})"]
    note = seeds_note([pair.estimate.n for pair in pairs])
    return "; ".join(filter(None, [*parts, _best(comparison), note])) + "."


def _main_effects(comparison: Comparison) -> Iterator[str]:
    """Describe each factor's main effect, and the pairs at equal levels of the others."""
    criterion = comparison.criterion
    for factor, own in comparison.baseline.levels.items():
        effects = [each for each in comparison.effects.items() if each[0].factors == (factor,)]
        if len(effects) == 1:
            ((effect, found),) = effects
            yield (
                f"{effect.label}: {found.verdict}, {criterion.difference(found.estimate.mean)} "
                f"({_evidence(criterion, found.estimate)}), "
                f"and {_counts(_at_equal_levels(comparison, factor))} at equal levels"
            )
        elif effects:
            counts = _counts(found.verdict for _, found in effects)
            yield f"{factor} against {own}: {counts} on average"


def _interaction(comparison: Comparison) -> str:
    """Describe the largest interaction that is shown."""
    criterion = comparison.criterion
    shown = [
        (effect, found.estimate)
        for effect, found in comparison.effects.items()
        if effect.is_interaction and found.estimate.excludes_zero
    ]
    if not shown:
        return "no interaction is shown"
    effect, estimate = max(shown, key=lambda each: abs(each[1].mean))
    size = criterion.difference(estimate.mean)
    return (
        f"the effects interact: {effect.label} it is {size} more ({_evidence(criterion, estimate)})"
    )


def _at_equal_levels(comparison: Comparison, factor: str) -> Iterator[Verdict]:
    """Yield the verdicts of the listed pairs that differ in this factor."""
    for pair in comparison.listed_pairs:
        if pair.a.levels[factor] != pair.b.levels[factor]:
            yield pair.verdict


def _counts(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _best(comparison: Comparison) -> str:
    best, baseline, criterion = comparison.best, comparison.baseline, comparison.criterion
    if best is baseline:
        return f"none has a better {criterion.label} than {baseline.label}"
    (pair,) = (pair for pair in comparison.baseline_pairs if pair.a is best)
    label = criterion.label.removeprefix("best ")
    found, n = f"the best {label} is that of {best.label}", pair.estimate.n
    if n == 0:
        return found
    evidence = f"n = {count(n, 'seed')}" if n == 1 else _evidence(criterion, pair.estimate)
    relation = _relation(criterion, pair.estimate.mean)
    return f"{found}, {relation} the baseline's ({evidence}, {pair.verdict})"


def _evidence(criterion: Criterion, estimate: Estimate) -> str:
    low_high = interval(estimate.low, estimate.high, criterion.metric)
    n = count(estimate.n, "seed")
    return f"95 % interval {low_high}, n = {n}, {_p_equals(estimate.decisive_p)}"


def _p_equals(p: float) -> str:
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def _relation(criterion: Criterion, difference: float) -> str:
    if difference == 0:
        return "the same as"
    return f"{criterion.amount(abs(difference))} {'below' if difference < 0 else 'above'}"


def _mcnemar(pair: Pair) -> str:
    if math.isnan(pair.mcnemar_p):
        return ""
    differ = "differ" if pair.mcnemar_p < ALPHA else "are not shown to differ"
    evidence = f"McNemar's {_p_equals(pair.mcnemar_p)}"
    return f" (on the validation samples the two trained models {differ}, {evidence})"
