"""Differences paired by seed, and the verdict on each.

Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache
from itertools import combinations

import numpy as np

from src.compare import stats
from src.compare.stats import BoolArray, Estimate, FloatArray
from src.compare.variants import Variant

# Of more variants only the pairs with the baseline are made: a thousand variants have half a
# million pairs, which nobody reads.
MAX_VARIANTS_ALL_PAIRS = 100

Correct = Callable[[str], BoolArray | None]


class Verdict(StrEnum):
    """Verdict on a relative to b, in words fixed in advance."""

    BETTER = auto()
    WORSE = auto()
    EQUIVALENT = auto()
    UNDECIDED = auto()


@dataclass(frozen=True, eq=False)
class Pair:
    """Two variants: a minus b in best validation error, paired by the seeds that both finished."""

    a: Variant
    b: Variant
    differences: FloatArray  # a minus b as fractions, shape (n,), by seed
    effect: Estimate
    mcnemar_p: float  # NaN where no seed has both models on the same digits
    p_holm: float  # adjusted among the pairs with the baseline, or among the others
    verdict: Verdict

    @property
    def a_better(self) -> int:
        """Return the number of seeds in which a has the lower error."""
        return int((self.differences < 0).sum())

    @property
    def splits_differ(self) -> bool:
        """Return whether a seed that both have was trained on different splits of the data."""
        a, b = self.a.usable, self.b.usable
        return any(a[seed].split != b[seed].split for seed in a.keys() & b.keys())


def find_pairs(
    variants: Sequence[Variant], baseline: Variant, margin: float, correct: Correct
) -> list[Pair]:
    """Pair the variants and decide each pair; the pairs with the baseline come first.

    b comes before a, and the baseline before all: so a pair reads 'a, against b'.
    """
    others = [variant for variant in variants if variant is not baseline]
    rest = combinations(others, 2) if len(variants) <= MAX_VARIANTS_ALL_PAIRS else ()
    both = [(other, baseline) for other in others] + [(a, b) for b, a in rest]
    differences = [_paired_differences(a, b) for a, b in both]
    effects = stats.estimate_each(differences)
    p_holm = _adjust([effect.p for effect in effects], len(others))
    right = cache(correct)
    return [
        Pair(a, b, by_seed, effect, _mcnemar_p(a, b, right), p, decide(effect, p, margin))
        for (a, b), by_seed, effect, p in zip(both, differences, effects, p_holm, strict=True)
    ]


def decide(effect: Estimate, p_adjusted: float, margin: float) -> Verdict:
    """Return the verdict on a relative to b.

    Equivalent comes first: the margin was fixed in advance as too small to matter, and a
    difference known to lie inside it does not come to matter by being significant.
    """
    if effect.n < stats.seeds_needed(1):
        return Verdict.UNDECIDED
    if -margin <= effect.low and effect.high <= margin:
        return Verdict.EQUIVALENT
    if effect.excludes_zero and p_adjusted < stats.ALPHA:
        return Verdict.BETTER if effect.mean < 0 else Verdict.WORSE
    return Verdict.UNDECIDED


def _paired_differences(a: Variant, b: Variant) -> FloatArray:
    both = [(error, b.best_errors[s]) for s, error in a.best_errors.items() if s in b.best_errors]
    # Rounded so that equal differences of counts are equal.
    return np.round([ours - theirs for ours, theirs in both], stats.DECIMALS)


def _adjust(p: Sequence[float], with_baseline: int) -> list[float]:
    """Adjust by Holm in two families: the pairs with the baseline, which come first, and the rest.

    The first are the question; a verdict on any other has to hold among all of the others.
    """
    return [*stats.holm(p[:with_baseline]).tolist(), *stats.holm(p[with_baseline:]).tolist()]


def _mcnemar_p(a: Variant, b: Variant, correct: Correct) -> float:
    """Return McNemar's p at the lowest seed with which both ran on the same split, else NaN."""
    for seed, run in a.usable.items():
        other = b.usable.get(seed)
        if other and run.split and run.split == other.split:
            right = [found for r in (run, other) if (found := correct(r.run_id)) is not None]
            return stats.mcnemar(*right) if len(right) == 2 else math.nan
    return math.nan
