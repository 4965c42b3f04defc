"""Family of paired contrasts, tested and estimated together by joint sign flips of seeds.

1. Step-down maxT (Westfall & Young, Resampling-Based Multiple Testing, 1993; Romano & Wolf,
   Econometrica 73, 2005) finds the contrasts that differ; its family-wise error is exact.
2. A simultaneous interval holds every value that the joint test does not reject, beside the other
   contrasts at their likely values: 0 for those that step 1 leaves open, else their means. The
   adjusted p is that of 0. What it rejects step 1 rejects as well, so it errs no more often; and it
   is below the level exactly where the interval excludes 0 (Hartigan, JASA 64, 1969, for one).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from src.compare.sign_flips import DECIMALS, DRAWN, Contrasts, FloatArray, Rows, all_flips, flips_of

ALPHA = 0.05
MIN_N = 6  # 2/2^n, the smallest p, is below ALPHA from here on


@dataclass(frozen=True)
class Estimate:
    """Centre of symmetric differences: mean, simultaneous interval, p that it is 0."""

    n: int
    mean: float
    low: float  # of the interval at 1 - level
    high: float
    inner_low: float  # of the interval at 1 - 2 level, whose sides are one-sided tests at the level
    inner_high: float
    p: float  # of the contrast alone
    p_adjusted: float  # in its family
    level: float = ALPHA

    @property
    def excludes_zero(self) -> bool:
        """True if 0 is rejected; False with fewer seeds than a test needs."""
        return self.n >= MIN_N and self.p_adjusted < self.level

    @property
    def decisive_p(self) -> float:
        """The p in its family; with too few seeds for one that of the contrast alone."""
        return self.p if math.isnan(self.p_adjusted) else self.p_adjusted

    def lies_within(self, margin: float) -> bool:
        """Return whether both one-sided tests reject a centre of ±margin or beyond.

        Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987.
        """
        return self.n >= MIN_N and -margin < self.inner_low and self.inner_high < margin


def estimate(values: ArrayLike) -> Estimate:
    """Estimate the centre of values, shape (n,), in their own unit, as a family of one."""
    return estimate_family(np.asarray(values, dtype=float)[None, :])[0]


def estimate_family(
    differences: ArrayLike, level: float = ALPHA, flips: int = DRAWN
) -> list[Estimate]:
    """Estimate the centres of contrasts together.

    `differences` has the shape (contrasts, seeds) and NaN where a contrast lacks a seed. Contrasts
    of fewer than 6 seeds are no part of the family: no test can reject there. Their interval is
    Student's, which assumes normal differences, and Estimate says of none that it excludes 0.
    `flips` are drawn where there are too many to look at all.
    """
    values = np.asarray(differences, dtype=float)
    n = np.count_nonzero(~np.isnan(values), axis=1)
    tested = values[n >= MIN_N]
    known = tested[:, ~np.isnan(tested).all(0)]
    family = _estimates(known, flips_of(known, flips), level) if len(tested) else iter(())
    return [
        next(family) if has >= MIN_N else _student(row[~np.isnan(row)], level)
        for has, row in zip(n, values, strict=True)
    ]


def flip_maxima(differences: FloatArray, flips: FloatArray) -> FloatArray:
    """Return the largest score of the contrasts under each flip, shape (flips,)."""
    return _Maxima.of(Contrasts.of(differences), flips).first


def _step_down(contrasts: Contrasts, flips: FloatArray) -> FloatArray:
    """Return the adjusted p of step-down maxT, shape (contrasts,)."""
    observed = contrasts.scores(np.arange(len(contrasts.n)), flips[:1])[:, 0]
    order, p, largest = np.argsort(observed), np.empty(len(observed)), np.zeros(len(flips))
    for rows in contrasts.blocks(flips, order):
        maxima = np.maximum(np.maximum.accumulate(contrasts.scores(rows, flips)), largest)
        p[rows] = (maxima >= observed[rows, None]).mean(1)
        largest = maxima[-1]
    p[order] = np.maximum.accumulate(p[order][::-1])[::-1]
    return p


@dataclass(frozen=True)
class _Maxima:
    """The two largest scores under each flip, and whose the largest is: shapes (flips,)."""

    first: FloatArray
    second: FloatArray
    owner: Rows

    @classmethod
    def of(cls, contrasts: Contrasts, flips: FloatArray) -> Self:
        first, second, owner = np.zeros(len(flips)), np.zeros(len(flips)), np.full(len(flips), -1)
        for rows in contrasts.blocks(flips):
            scores = contrasts.scores(rows, flips)
            at, top = scores.argmax(0), scores.max(0)
            np.put_along_axis(scores, at[None, :], 0, axis=0)
            second = np.maximum(np.maximum(second, scores.max(0)), np.minimum(first, top))
            owner = np.where(top > first, rows[at], owner)
            first = np.maximum(first, top)
        return cls(first, second, owner)

    def beside(self, rows: Rows) -> FloatArray:
        """Return the largest score of all contrasts but each of `rows`, shape (rows, flips)."""
        return np.where(self.owner == rows[:, None], self.second, self.first)


def _estimates(differences: FloatArray, flips: FloatArray, level: float) -> Iterator[Estimate]:
    """Yield the estimates of contrasts of which each has the seeds that a test needs."""
    contrasts = Contrasts.of(differences)
    likely = np.where(_step_down(contrasts, flips) < level, contrasts.means, 0)
    maxima = _Maxima.of(Contrasts.of(differences - likely[:, None]), flips)
    for rows in contrasts.blocks(flips):
        alone = contrasts.distances(rows, flips)
        joint = np.maximum(alone, contrasts.reach(rows, maxima.beside(rows)))
        joint[:, :, 0] = math.inf  # the data are as extreme as the data
        means = contrasts.means[rows]
        ends = *_ends(means, joint, level), *_ends(means, joint, 2 * level)
        fields = np.array(
            [means, *ends, _p(means, alone), _p(means, joint), np.full_like(means, level)]
        )
        for n, values in zip(contrasts.n[rows, 0], fields.T.tolist(), strict=True):
            yield Estimate(int(n), *values)


def _ends(means: FloatArray, distances: FloatArray, level: float) -> FloatArray:
    """Return both ends of the intervals, shape (2, rows): the furthest centres not rejected."""
    flips = distances.shape[2]
    rank = flips - math.ceil(round(level * flips, 9))
    low, high = np.partition(distances, rank, axis=2)[:, :, rank]
    return np.round([means - low, means + high], DECIMALS)


def _p(means: FloatArray, distances: FloatArray) -> FloatArray:
    """Return the two-sided p that the centre is 0, shape (rows,)."""
    beyond = (distances >= np.abs(means)[:, None]).mean(2)
    return np.where(means > 0, *beyond)


def _student(values: FloatArray, level: float) -> Estimate:
    """Estimate the mean of a few values, supposed normal; of one or none, the ends are NaN."""
    from scipy.special import stdtrit

    n = len(values)
    mean = round(float(values.mean()), DECIMALS) if n else math.nan
    error = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    half, inner = (error * float(stdtrit(max(n - 1, 1), 1 - tail)) for tail in (level / 2, level))
    contrasts = Contrasts.of(values[None, :])
    alone = contrasts.distances(np.array([0]), all_flips(n)) if n else None
    p = math.nan if alone is None else float(_p(contrasts.means, alone)[0])
    ends = (mean - half, mean + half, mean - inner, mean + inner)
    return Estimate(n, mean, *ends, p, math.nan, level)
