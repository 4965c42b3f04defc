"""Estimates and tests for a few paired differences, exact where possible.

The sign-flip test: Fisher, The Design of Experiments (1935), chapter 3. The interval that inverts
it: Hartigan, "Using subsample values as typical values", JASA 64 (1969). Holm, "A simple
sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979). McNemar's test:
Dietterich, "Approximate statistical tests for comparing supervised classification learning
algorithms", Neural Computation 10 (1998).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ALPHA = 0.05
MAX_EXACT_N = 16  # up to so many differences all subsets are used, beyond 2^16 - 1 drawn ones
MAX_BATCH_MEANS = 2**22  # subset means held at once: 32 MiB
# Errors are ratios of counts. 12 decimals keep different values apart and make values equal that
# differ only by the rounding of sums: without them a tie would fall on a random side.
DECIMALS = 12


@dataclass(frozen=True)
class Estimate:
    """Centre of symmetric values: their mean, its 95 % interval, the p of the test that it is 0."""

    n: int
    mean: float
    low: float
    high: float
    p: float

    @property
    def excludes_zero(self) -> bool:
        """Return whether 0 lies outside the interval; False without an interval."""
        return self.low > 0 or self.high < 0


def estimate(values: ArrayLike) -> Estimate:
    """Estimate the centre of `values`, shape (n,), in their own unit.

    p is the p of the exact two-sided sign-flip test. From 6 values on the interval inverts this
    test: it holds every centre that the test would not reject, so it excludes 0 exactly when
    p < 0.05, and covers with at least 95 % if the values are symmetric about their centre,
    whatever their distribution. With 2 to 5 values no test can reject and no such interval
    exists: the interval is Student's, which assumes normal values. With 1 value it is NaN.
    Without values, or with a NaN among them, every field but n is NaN.
    """
    return estimate_each([values])[0]


def estimate_each(samples: Sequence[ArrayLike]) -> list[Estimate]:
    """Estimate many samples as `estimate` does one.

    Samples of one size are multiplied together: reading the subsets takes longer than computing.
    """
    arrays = [np.asarray(sample, dtype=float) for sample in samples]
    estimates: dict[int, Estimate] = {}
    for n in {len(array) for array in arrays}:
        same = [index for index, array in enumerate(arrays) if len(array) == n]
        size = MAX_BATCH_MEANS // 2 ** min(n, MAX_EXACT_N)
        for batch in (same[start : start + size] for start in range(0, len(same), size)):
            rows = np.array([arrays[index] for index in batch])
            means = np.round(rows @ _subset_weights(n), DECIMALS)
            estimates |= zip(batch, map(_estimate, rows, means), strict=True)
    return [estimates[index] for index in range(len(arrays))]


def mean(values: Sequence[float]) -> float:
    """Return the mean; NaN of no values."""
    return float(np.mean(values)) if values else math.nan


def sd(values: Sequence[float]) -> float:
    """Return the sample standard deviation; NaN of fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def seeds_needed(tests: int) -> int:
    """Return the fewest pairs with which the first of `tests` p-values can be < 0.05 under Holm."""
    return math.floor(math.log2(2 * tests / ALPHA)) + 1


def holm(p: ArrayLike) -> FloatArray:
    """Adjust p-values, shape (tests,); a NaN stays NaN and does not count as a test."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, math.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def mcnemar(a: BoolArray, b: BoolArray) -> float:
    """Return McNemar's exact two-sided p for two models on the same digits.

    `a` and `b`, both of shape (digits,), mark the digits that each model gets right. The test
    says if these two trained models differ, not if their recipes do. No discordant digit: 1.
    """
    from scipy.special import bdtr

    only_a, only_b = np.count_nonzero(a & ~b), np.count_nonzero(b & ~a)
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def _estimate(values: FloatArray, means: FloatArray) -> Estimate:
    """Estimate the centre of `values` from the means of their subsets."""
    n = len(values)
    if n == 0 or np.isnan(values).any():
        return Estimate(n, math.nan, math.nan, math.nan, math.nan)
    low, high = _inverted_interval(means) if n >= seeds_needed(1) else _student_interval(values)
    return Estimate(n, round(float(values.mean()), DECIMALS), low, high, _sign_flip_p(means))


@lru_cache(maxsize=8)
def _subset_weights(n: int) -> FloatArray:
    """Return weights, shape (n, subsets), that turn n values into the means of their subsets."""
    if n <= MAX_EXACT_N:
        members = (np.arange(1, 2**n) >> np.arange(n)[:, None] & 1).astype(bool)
    else:
        # A few more than needed are drawn, because the empty subset has no mean.
        members = np.random.default_rng(n).random((n, 2**MAX_EXACT_N + 63)) < 0.5
        members = members[:, members.any(0)][:, : 2**MAX_EXACT_N - 1]
    weights: FloatArray = members / members.sum(0)
    return weights


def _sign_flip_p(means: FloatArray) -> float:
    """Return the two-sided p from subset means, shape (subsets,).

    Flipping the signs of a subset carries a positive sum to its other tail, or beyond it, just
    when that subset or its complement has a mean <= 0: counting such subsets counts the flips.
    """
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    return min(2 * (tail + 1) / (len(means) + 1), 1.0)


def _inverted_interval(means: FloatArray) -> tuple[float, float]:
    """Return the outermost centres that the test does not reject: order statistics of `means`."""
    rank = math.ceil(ALPHA / 2 * (len(means) + 1)) - 2  # counted from 0
    ends = np.partition(means, (rank, len(means) - 1 - rank))
    return float(ends[rank]), float(ends[len(means) - 1 - rank])


def _student_interval(values: FloatArray) -> tuple[float, float]:
    from scipy.special import stdtrit

    n, centre = len(values), float(values.mean())
    if n == 1:
        return math.nan, math.nan
    half = float(stdtrit(n - 1, 1 - ALPHA / 2) * values.std(ddof=1) / math.sqrt(n))
    return centre - half, centre + half
