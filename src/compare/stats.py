"""Statistics of a few values, and of two models on the same samples."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.compare.sign_flips import FloatArray

BoolArray = NDArray[np.bool_]


def mean(values: Collection[float]) -> float:
    """Return the mean; NaN of no values."""
    return math.fsum(values) / len(values) if values else math.nan


def sd(values: Sequence[float]) -> float:
    """Return the sample standard deviation; NaN of fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def holm(p: ArrayLike) -> FloatArray:
    """Adjust p-values, shape (tests,); a NaN stays NaN and does not count as a test.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, math.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def mcnemar(a: BoolArray, b: BoolArray) -> float:
    """Return McNemar's exact two-sided p; `a` and `b`, shape (samples,), mark what each gets right.

    Says whether two trained models differ, not whether their variants do (Dietterich, Neural
    Computation 10, 1998). 1 where they are right and wrong on the same samples.
    """
    from scipy.special import bdtr

    only_a, only_b = np.count_nonzero(a & ~b), np.count_nonzero(b & ~a)
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
