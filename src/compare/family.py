"""Family of paired contrasts, tested and estimated together by joint sign flips of seeds.

If two variants were alike, the difference of each seed could as well have the other sign (Fisher,
The Design of Experiments, 1935). A seed's signs are flipped in all contrasts at once, so the flips
know how the contrasts depend on each other. Each contrast is studentised, its t brought to the
scale of a normal score (Wallace, Ann. Math. Stat. 30, 1959), so that neither one noisy variant nor
other numbers of seeds rule the maximum.

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
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

ALPHA = 0.05
MIN_N = 6  # 2/2^n, the smallest p, is below ALPHA from here on
MAX_EXACT_N = 16  # up to so many seeds all flips are looked at, if there are not too many contrasts
MAX_EXACT = 2**24  # contrasts times flips
DRAWN = 2**12  # flips that are drawn otherwise
BLOCK = 2**20  # scores held at once
# Errors are ratios of counts. 12 decimals keep different values apart and make values equal that
# differ only by the rounding of sums: without them a tie would fall on a random side.
DECIMALS = 12


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
        """Return whether 0 is rejected; False with fewer seeds than a test needs."""
        return self.n >= MIN_N and self.p_adjusted < self.level

    def lies_within(self, margin: float) -> bool:
        """Return whether both one-sided tests reject a centre of ±margin or beyond.

        Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987.
        """
        return self.n >= MIN_N and -margin < self.inner_low and self.inner_high < margin


def estimate(values: ArrayLike) -> Estimate:
    """Estimate the centre of values, shape (n,), in their own unit, as a family of one."""
    return estimate_family(np.asarray(values, dtype=float)[None, :])[0]


def estimate_family(differences: ArrayLike, level: float = ALPHA) -> list[Estimate]:
    """Estimate the centres of contrasts together.

    `differences` has the shape (contrasts, seeds) and NaN where a contrast lacks a seed. Contrasts
    of fewer than 6 seeds are no part of the family: no test can reject there. Their interval is
    Student's, which assumes normal differences, and Estimate says of none that it excludes 0.
    """
    values = np.asarray(differences, dtype=float)
    n = np.count_nonzero(~np.isnan(values), axis=1)
    tested = values[n >= MIN_N]
    family = _estimates(tested[:, ~np.isnan(tested).all(0)], level) if len(tested) else iter(())
    return [
        next(family) if has >= MIN_N else _student(row[~np.isnan(row)], level)
        for has, row in zip(n, values, strict=True)
    ]


def flip_maxima(differences: FloatArray, flips: FloatArray) -> FloatArray:
    """Return the largest score of the contrasts under each flip, shape (flips,)."""
    return _Maxima.of(_Contrasts.of(differences), flips).first


def flips_of(differences: FloatArray) -> FloatArray:
    """Return signs, shape (flips, seeds), by which to flip the seeds of `differences`.

    The first flip is none; a flip and its mirror, which have equal scores, are one. Drawn flips are
    fixed; seeds get them in the order of their squared differences, which neither the names nor
    the order of seeds and variants change, nor the flips themselves.
    """
    seeds = differences.shape[1]
    exact = seeds <= MAX_EXACT_N and 2 ** (seeds - 1) * len(differences) <= MAX_EXACT
    if exact:
        return _all_flips(seeds)
    size = np.nansum(differences**2, axis=0)
    signs = np.empty((DRAWN, seeds))
    signs[:, np.argsort(np.round(size, DECIMALS), kind="stable")] = _drawn_flips(seeds)
    return signs


@dataclass(frozen=True)
class _Contrasts:
    """Contrasts by seed, and what no flip of theirs changes."""

    has: FloatArray  # (contrasts, seeds), 1 where a contrast has the seed
    values: FloatArray  # (contrasts, seeds), 0 where it has not
    n: FloatArray  # (contrasts, 1)
    squares: FloatArray  # (contrasts, 1), sums of them

    @classmethod
    def of(cls, differences: FloatArray) -> Self:
        has, values = (~np.isnan(differences)).astype(float), np.nan_to_num(differences)
        return cls(has, values, has.sum(1, keepdims=True), (values**2).sum(1, keepdims=True))

    @property
    def means(self) -> FloatArray:
        return np.round(self.values.sum(1) / self.n[:, 0], DECIMALS)

    def blocks(self, flips: FloatArray, order: Rows | None = None) -> Iterator[Rows]:
        """Yield rows, all of them a block at a time, in `order`."""
        rows, size = np.arange(len(self.n)) if order is None else order, BLOCK // len(flips)
        yield from (rows[start : start + size] for start in range(0, len(rows), size))

    def scores(self, rows: Rows, flips: FloatArray) -> FloatArray:
        """Return the normal score of Student's |t|, shape (rows, flips)."""
        sums, n, squares = self.values[rows] @ flips.T, self.n[rows], self.squares[rows]
        shares = np.zeros_like(sums)  # of the squares that the mean explains
        np.divide(sums**2, n * squares, out=shares, where=squares > 0)
        with np.errstate(divide="ignore"):
            logs = np.log1p(-np.minimum(np.round(shares, DECIMALS), 1))
        return _wallace(n) * np.sqrt(-(n - 1) * logs)

    def reach(self, rows: Rows, scores: FloatArray) -> FloatArray:
        """Return how far from its mean a centre has this score: the inverse of `scores`."""
        n, values = self.n[rows], self.values[rows]
        variance = self.squares[rows] / n - (values.sum(1, keepdims=True) / n) ** 2
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.sqrt(
                np.maximum(variance, 0) * np.expm1((scores / _wallace(n)) ** 2 / (n - 1))
            )
        return np.where(np.isinf(scores), math.inf, found)


def _wallace(n: FloatArray) -> FloatArray:
    return (8 * n - 7) / (8 * n - 5)


def _step_down(contrasts: _Contrasts, flips: FloatArray) -> FloatArray:
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
    def of(cls, contrasts: _Contrasts, flips: FloatArray) -> Self:
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


def _estimates(differences: FloatArray, level: float) -> Iterator[Estimate]:
    """Yield the estimates of contrasts of which each has the seeds that a test needs."""
    flips, contrasts = flips_of(differences), _Contrasts.of(differences)
    likely = np.where(_step_down(contrasts, flips) < level, contrasts.means, 0)
    maxima = _Maxima.of(_Contrasts.of(differences - likely[:, None]), flips)
    for rows in contrasts.blocks(flips):
        alone = _distances(contrasts, rows, flips)
        joint = np.maximum(alone, contrasts.reach(rows, maxima.beside(rows)))
        joint[:, :, 0] = math.inf  # the data are as extreme as the data
        means = contrasts.means[rows]
        ends = *_ends(means, joint, level), *_ends(means, joint, 2 * level)
        fields = np.array(
            [means, *ends, _p(means, alone), _p(means, joint), np.full_like(means, level)]
        )
        for n, values in zip(contrasts.n[rows, 0], fields.T.tolist(), strict=True):
            yield Estimate(int(n), *values)


def _distances(contrasts: _Contrasts, rows: Rows, flips: FloatArray) -> FloatArray:
    """Return how far from its mean a centre is above which a flip is not as extreme as the data.

    The shape is (2, rows, flips): below the mean, and above it. Flipping seeds carries a sum to its
    other tail or beyond just when their mean, or that of the others, lies on the far side of the
    centre. A flip of all seeds of a contrast, or of none, is as extreme at any centre.
    """
    has, values, n = contrasts.has[rows], contrasts.values[rows], contrasts.n[rows]
    turned = (flips < 0).T.astype(float)  # (seeds, flips)
    counts, sums = has @ turned, values @ turned
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = (values.sum(1, keepdims=True) - sums) / (n - counts)
        parts = np.round([sums / counts, rest], DECIMALS)
    means = contrasts.means[rows, None]
    distances = np.stack([means - parts.min(0), parts.max(0) - means])
    is_none = (counts == 0) | (counts == n)
    return np.where(is_none, math.inf, np.round(distances, DECIMALS))


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
    contrasts = _Contrasts.of(values[None, :])
    alone = _distances(contrasts, np.array([0]), _all_flips(n)) if n else None
    p = math.nan if alone is None else float(_p(contrasts.means, alone)[0])
    ends = (mean - half, mean + half, mean - inner, mean + inner)
    return Estimate(n, mean, *ends, p, math.nan, level)


@lru_cache(maxsize=8)
def _all_flips(seeds: int) -> FloatArray:
    bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
    return np.where(bits == 1, -1.0, 1.0)


@lru_cache(maxsize=8)
def _drawn_flips(seeds: int) -> FloatArray:
    signs = np.where(np.random.default_rng(seeds).random((DRAWN, seeds)) < 0.5, -1.0, 1.0)
    signs[0] = 1
    return signs
