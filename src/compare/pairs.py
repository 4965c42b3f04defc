"""Pairs of variants: what the seeds tell of each, and what single samples tell."""

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations

from src.compare import stats
from src.compare.contrasts import Finding, Verdict
from src.compare.criterion import Criterion
from src.compare.factorial import simple_pairs
from src.compare.stats import BoolArray
from src.compare.variants import Variant

# Of more variants not all pairs are made: a thousand have half a million, which nobody reads.
MAX_VARIANTS_ALL_PAIRS = 100

Correct = Callable[[str], BoolArray | None]


@dataclass(frozen=True, eq=False)
class Pair(Finding):
    """Two variants: a minus b in the judged metric, paired by the seeds that both have."""

    a: Variant
    b: Variant
    mcnemar_p: float  # NaN where no seed has both models on the same samples
    p_holm: float  # adjusted over the compared pairs by Holm's method, for reference
    validation: Verdict  # on the validation error at the selected epoch
    a_better: int  # seeds in which a has the better value
    reason: str  # why the verdict is not what the estimate alone would give; "" if it is


def pair_up(variants: Sequence[Variant], baseline: Variant) -> list[tuple[Variant, Variant]]:
    """Pair the variants; the pairs with the baseline come first.

    The rest are all others, or of a factorial design its simple effects: each pair more makes all
    intervals wider. b has the baseline's level, or comes first: so a pair reads 'a, against b'.
    """
    simple = simple_pairs(variants, baseline)
    if simple is None:
        return all_pairs(variants, baseline)
    return _with_baseline(variants, baseline) + [(a, b) for a, b in simple if b is not baseline]


def all_pairs(variants: Sequence[Variant], baseline: Variant) -> list[tuple[Variant, Variant]]:
    """Return all pairs of up to 100 variants, and of more those with the baseline."""
    first = _with_baseline(variants, baseline)
    if len(variants) > MAX_VARIANTS_ALL_PAIRS:
        return first
    return first + [(a, b) for b, a in combinations([a for a, _ in first], 2)]


def _with_baseline(variants: Sequence[Variant], baseline: Variant) -> list[tuple[Variant, Variant]]:
    return [(variant, baseline) for variant in variants if variant is not baseline]


def make_pairs(
    both: Sequence[tuple[Variant, Variant]],
    findings: Sequence[Finding],
    validation: Sequence[Finding],
    criterion: Criterion,
    correct: Correct,
) -> list[Pair]:
    """Return the pairs with what was found of each by the criterion, and on validation."""
    p_holm = stats.holm([found.estimate.p for found in findings])
    right, pairs = cache(correct), []
    stalled = {
        v: {seed for seed, run in v.by_seed.items() if criterion.has_stalled(run)}
        for v in dict.fromkeys(chain(*both))
    }
    for (a, b), found, beside, p in zip(both, findings, validation, p_holm, strict=True):
        guessing = stalled[a] & stalled[b]
        verdict, reason = _corrected(a, b, found.verdict, guessing)
        own = Pair(
            found.differences,
            found.estimate,
            verdict,
            a,
            b,
            mcnemar_p=_mcnemar_p(a, b, right),
            p_holm=float(p),
            validation=_corrected(a, b, beside.verdict, guessing)[0]
            if beside.estimate.n
            else verdict,
            a_better=int((criterion.sign * found.differences < 0).sum()),
            reason=reason,
        )
        pairs.append(own)
    return pairs


def _corrected(a: Variant, b: Variant, verdict: Verdict, guessing: Set[int]) -> tuple[Verdict, str]:
    """Return the verdict in the light of runs that failed, diverged or learned nothing.

    `guessing` are the seeds with which both variants learned nothing.
    """
    shared = a.by_seed.keys() & b.by_seed.keys()
    if 2 * len(guessing) > len(shared) and verdict in (Verdict.EQUIVALENT, Verdict.UNDECIDED):
        return Verdict.NOT_LEARNED, "in most seeds neither is better than a guess"
    lost = {v: sum(seed not in v.usable for seed in shared) for v in (a, b)}
    worse = max(lost, key=lambda v: lost[v])
    is_worst = {Verdict.BETTER: worse is a, Verdict.WORSE: worse is b, Verdict.EQUIVALENT: True}
    if lost[a] != lost[b] and is_worst.get(verdict):
        return Verdict.UNDECIDED, f"{worse.label} diverged or failed more often"
    return verdict, ""


def _mcnemar_p(a: Variant, b: Variant, correct: Correct) -> float:
    """Return McNemar's p at the lowest seed of runs on the same split, else NaN."""
    for seed, run in a.usable.items():
        other = b.usable.get(seed)
        if other and run.split and run.split == other.split:
            right = [found for r in (run, other) if (found := correct(r.run_id)) is not None]
            return stats.mcnemar(*right) if len(right) == 2 else math.nan
    return math.nan
