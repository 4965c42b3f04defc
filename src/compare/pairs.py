"""Differences paired by seed, and the verdict on each.

Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from src.compare.stats import ALPHA, Estimate, estimate, holm, mcnemar, seeds_needed
from src.compare.variants import Variant, paired_differences

# Every pair of so many variants is looked at; of more, only the pairs with the baseline: a
# thousand variants make half a million pairs, which nobody reads.
CROSSED = 100

Correct = Callable[[str], np.ndarray | None]


@dataclass(frozen=True)
class Pair:
    """Two variants: a minus b in best validation error, paired by the seeds that both finished."""

    a: Variant
    b: Variant
    effect: Estimate
    a_better: int  # in how many seeds a has the lower error
    mcnemar_p: float  # NaN where no seed has both models on the same digits
    p_holm: float = math.nan  # adjusted among the pairs with the baseline, or among the others
    verdict: str = "undecided"  # of a relative to b: better, worse, equivalent, undecided

    @property
    def differences(self) -> np.ndarray:
        """a minus b as fractions, shape (n,), by seed."""
        return paired_differences(self.a, self.b)


def find_pairs(
    variants: Sequence[Variant], baseline: Variant, margin: float, correct: Correct
) -> list[Pair]:
    """Pair the variants and decide each pair; those with the baseline come first.

    b comes before a, and the baseline before all: so a pair reads 'a, against b'.
    """
    others = [variant for variant in variants if variant is not baseline]
    rest = combinations(others, 2) if len(variants) <= CROSSED else ()
    both = [(other, baseline) for other in others] + [(a, b) for b, a in rest]
    return _judge([_pair(a, b, correct) for a, b in both], baseline, margin)


def decide(effect: Estimate, p_adjusted: float, margin: float) -> str:
    """The verdict on a relative to b.

    Equivalent comes first: the margin was fixed in advance as what does not matter, and a
    difference known to lie inside it does not come to matter by being significant.
    """
    if effect.n < seeds_needed(1):
        return "undecided"
    if -margin <= effect.low and effect.high <= margin:
        return "equivalent"
    if effect.excludes_zero and p_adjusted < ALPHA:
        return "better" if effect.mean < 0 else "worse"
    return "undecided"


def _pair(a: Variant, b: Variant, correct: Correct) -> Pair:
    differences = paired_differences(a, b)
    return Pair(a, b, estimate(differences), int((differences < 0).sum()), _mcnemar(a, b, correct))


def _mcnemar(a: Variant, b: Variant, correct: Correct) -> float:
    """McNemar's p at the lowest seed with which both ran on the same split."""
    for seed, run in a.usable.items():
        other = b.usable.get(seed)
        if other is not None and run.split and run.split == other.split:
            right = correct(run.run_id), correct(other.run_id)
            return math.nan if right[0] is None or right[1] is None else mcnemar(*right)
    return math.nan


def _judge(pairs: list[Pair], baseline: Variant, margin: float) -> list[Pair]:
    """Adjust by Holm within two families and decide each pair.

    The pairs with the baseline are what was asked. The others are looked at as well, so a verdict
    on them has to hold among all of them.
    """
    asked = np.array([pair.b is baseline for pair in pairs], dtype=bool)
    p = np.array([float(pair.effect.p) for pair in pairs])
    first, second = holm(np.where(asked, p, math.nan)), holm(np.where(asked, math.nan, p))
    adjusted = np.where(asked, first, second).tolist()
    return [
        replace(pair, p_holm=own, verdict=decide(pair.effect, own, margin))
        for pair, own in zip(pairs, adjusted, strict=True)
    ]
