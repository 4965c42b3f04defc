"""Estimates and tests for a few paired differences, exact where they can be.

The sign-flip test: Fisher, The Design of Experiments (1935), chapter 3. The interval that inverts
it: Hartigan, "Using subsample values as typical values", JASA 64 (1969). Holm, "A simple
sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979). McNemar's test:
Dietterich, "Approximate statistical tests for comparing supervised classification learning
algorithms", Neural Computation 10 (1998).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ALPHA = 0.05
ENUMERATED = 16  # up to so many differences every subset is looked at, beyond 2^16 - 1 drawn ones
# Errors are ratios of counts: 12 decimals keep apart whatever differs, and make equal what only
# the rounding of sums sets apart. Without it a tie would fall on a random side.
DECIMALS = 12


@dataclass(frozen=True)
class Estimate:
    """The centre of symmetric values: their mean, its 95 % interval, and the test that it is 0.

    Fields are arrays of shape (...) for values of shape (..., n).
    """

    n: int
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray

    @property
    def excludes_zero(self) -> np.ndarray:
        """Whether 0 lies outside the interval; False where there is none."""
        return (self.low > 0) | (self.high < 0)


def estimate(values: np.ndarray) -> Estimate:
    """Estimate the centre of `values`, shape (..., n), in their own unit.

    p is that of the exact two-sided sign-flip test. From 6 values on the interval inverts this
    test: it holds every centre that the test would not reject, so it excludes 0 exactly when
    p < 0.05, and covers with at least 95 % if the values are symmetric about their centre,
    whatever their distribution. With 2 to 5 values no test can reject and no such interval
    exists: it is Student's, which assumes normal values. With one it is NaN, with none all is;
    a NaN among the values makes all of theirs NaN.
    """
    values = np.asarray(values, dtype=float)
    n = values.shape[-1]
    if n == 0:
        nan = np.full(values.shape[:-1], math.nan)
        return Estimate(0, nan, nan, nan, nan)
    means = np.round(values @ _subsets(n), DECIMALS)
    low, high = _typical(means) if n >= seeds_needed(1) else _student(values)
    mean = np.round(values.mean(-1), DECIMALS)
    known = [np.where(np.isnan(mean), math.nan, field) for field in (low, high, _sign_flip(means))]
    return Estimate(n, mean, *known)


def seeds_needed(tests: int) -> int:
    """The fewest pairs with which the first of so many tests can fall below 0.05 under Holm."""
    return math.floor(math.log2(2 * tests / ALPHA)) + 1


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values, shape (tests,); a NaN stays one and is not counted as a test."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, math.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    """McNemar's exact two-sided p for two models on the same digits.

    `a` and `b`, both of shape (digits,), say which digits each gets right. It answers whether
    these two trained models differ, not whether their recipes do. No discordant digit: 1.
    """
    from scipy.special import bdtr

    only_a, only_b = np.count_nonzero(a & ~b), np.count_nonzero(b & ~a)
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


@lru_cache(maxsize=8)
def _subsets(n: int) -> np.ndarray:
    """Weights, shape (n, subsets), that turn n values into the means of their subsets."""
    if n <= ENUMERATED:
        members = np.arange(1, 2**n) >> np.arange(n)[:, None] & 1
    else:
        # A few more than needed are drawn, because the empty subset has no mean.
        members = np.random.default_rng(n).random((n, 2**ENUMERATED + 63)) < 0.5
        members = members[:, members.any(0)][:, : 2**ENUMERATED - 1]
    return members / members.sum(0)


def _sign_flip(means: np.ndarray) -> np.ndarray:
    """Two-sided p, shape (...), from subset means, shape (..., subsets).

    Flipping the signs of a subset carries a positive sum to its other tail, or beyond it, just
    when that subset or its complement has a mean <= 0: so counting those counts the flips.
    """
    tail = np.minimum((means <= 0).sum(-1), (means >= 0).sum(-1))
    return np.minimum(2 * (tail + 1) / (means.shape[-1] + 1), 1)


def _typical(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outermost centres that `_sign_flip` does not reject: order statistics of the means."""
    subsets = means.shape[-1]
    rank = math.ceil(ALPHA / 2 * (subsets + 1)) - 2  # counted from 0
    ends = np.partition(means, (rank, subsets - 1 - rank), axis=-1)
    return ends[..., rank], ends[..., subsets - 1 - rank]


def _student(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import stdtrit

    n = values.shape[-1]
    if n == 1:
        return np.full((2, *values.shape[:-1]), math.nan)
    half = stdtrit(n - 1, 1 - ALPHA / 2) * values.std(-1, ddof=1) / math.sqrt(n)
    return values.mean(-1) - half, values.mean(-1) + half
