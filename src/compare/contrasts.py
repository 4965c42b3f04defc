"""Contrasts of variants, paired by seed, and the verdict on each.

Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from threadpoolctl import threadpool_limits

from src.compare.criterion import Criterion
from src.compare.family import Estimate, estimate_family
from src.compare.sequential import LookPlan, is_planned, look_levels
from src.compare.sign_flips import DECIMALS, FloatArray
from src.compare.variants import Variant

Weights = Mapping[Variant, float]


class Verdict(StrEnum):
    """Verdict on a relative to b, in words fixed in advance."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    NOT_LEARNED = "both failed to learn"

    @property
    def is_decided(self) -> bool:
        return self is not Verdict.UNDECIDED


@dataclass(frozen=True)
class Finding:
    """A contrast's differences by seed as stored, its estimate and its verdict."""

    differences: FloatArray  # shape (n,)
    estimate: Estimate
    verdict: Verdict


@threadpool_limits.wrap(limits=1, user_api="blas")  # small products: threads wait for each other
def find_contrasts(
    weights: Sequence[Weights],
    variants: Sequence[Variant],
    criterion: Criterion,
    margin: float,
    plan: LookPlan,
) -> list[Finding]:
    """Estimate contrasts as one family and decide each.

    Within the declared looks a contrast keeps the verdict, and the estimate, of the first look at
    which it was decided. `margin` is in the unit in which the metric is stored.
    """
    if not weights:
        return []
    values, seeds = _values(variants, criterion)
    places = {variant: place for place, variant in enumerate(variants)}
    matrix = np.zeros((len(weights), len(variants)))
    for own, each in zip(matrix, weights, strict=True):
        own[[places[variant] for variant in each]] = [*each.values()]
    by_look = []
    for look in plan.earlier:
        known = [[seed in look.get(v.label, ()) for seed in seeds] for v in variants]
        by_look.append(_differences(matrix, np.where(known, values, np.nan)))
    by_look.append(_differences(matrix, values))
    taken = plan.taken(int((~np.isnan(values)).sum(1).max(initial=0)))
    levels = look_levels(plan.declared, taken, by_look)
    if not is_planned(plan.declared, taken):
        by_look, levels = by_look[-1:], levels[-1:]
    found: dict[int, Finding] = {}
    for differences, level in zip(by_look, levels, strict=True):
        for row, estimate in enumerate(estimate_family(differences, level)):
            if row not in found or not found[row].verdict.is_decided:
                own = differences[row][~np.isnan(differences[row])]
                found[row] = Finding(own, estimate, decide(estimate, margin, criterion.sign))
    return [found[row] for row in range(len(weights))]


def decide(estimate: Estimate, margin: float, sign: int) -> Verdict:
    """Return the verdict on a contrast; `sign` is 1 where lower values are better.

    Equivalent comes first: the margin was fixed in advance as too small to matter, and a
    difference known to lie inside it does not come to matter by being significant.
    """
    if estimate.lies_within(margin):
        return Verdict.EQUIVALENT
    if estimate.excludes_zero:
        return Verdict.BETTER if sign * estimate.mean < 0 else Verdict.WORSE
    return Verdict.UNDECIDED


def _values(variants: Sequence[Variant], criterion: Criterion) -> tuple[FloatArray, list[int]]:
    """Return values, shape (variants, seeds), NaN where there is none, and the seeds."""
    by_seed = [variant.values(criterion) for variant in variants]
    seeds = sorted({seed for values in by_seed for seed in values})
    values = [[each.get(seed, np.nan) for seed in seeds] for each in by_seed]
    return np.array(values).reshape(len(variants), len(seeds)), seeds


def _differences(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Return contrasts by seed, NaN where one of its variants has no value."""
    missing = (weights != 0).astype(float) @ np.isnan(values) > 0
    # Rounded so that equal differences of counts are equal.
    return np.where(missing, np.nan, np.round(weights @ np.nan_to_num(values), DECIMALS))
