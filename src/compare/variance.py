"""Components of variance: the part that each source of chance has in a spread.

Analysis of variance of a crossed design of random factors with one run a cell (Searle, Casella &
McCulloch 1992, "Variance Components"); intervals are generalized confidence intervals, by drawing
the mean squares' chi-squared laws (Weerahandi 1993; Burdick, Borror & Montgomery 2005).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

DRAWS, DRAWS_SEED = 20_000, 0
LEVEL = 0.95


@dataclass(frozen=True)
class Component:
    """The variance that one source, or several together, brings beyond its parts."""

    name: str  # of the sources, or 'rest'
    sources: tuple[str, ...]
    variance: float  # unbiased, and so below 0 at times
    low: float  # of the interval, at least 0
    high: float

    @property
    def sd(self) -> float:
        """The standard deviation; 0 where the estimate of the variance is negative."""
        return math.sqrt(max(self.variance, 0.0))


def components(errors: NDArray[np.float64], sources: Sequence[str]) -> list[Component]:
    """Return the component of each source, of each combination, and last the rest.

    Args:
        errors: one run a cell, shape (levels of source 1, levels of source 2, …), two or more each.
        sources: the names of the axes.

    The interaction of all sources cannot be told from what no source explains, and is the rest.
    """
    axes = range(errors.ndim)
    groups = list(chain(*(combinations(axes, size) for size in range(1, errors.ndim + 1))))
    squares = {group: _sum_of_squares(errors, group) for group in groups}
    freedom = {group: math.prod(errors.shape[axis] - 1 for axis in group) for group in groups}
    draw = np.random.default_rng(DRAWS_SEED)
    drawn = {group: squares[group] / draw.chisquare(freedom[group], DRAWS) for group in groups}
    found = []
    for group in groups:
        runs = errors.size // math.prod(errors.shape[axis] for axis in group)
        above = [(g, (-1) ** (len(g) - len(group)) / runs) for g in groups if {*group} <= {*g}]
        variance = sum(sign * squares[g] / freedom[g] for g, sign in above)
        sample = np.maximum(sum(sign * drawn[g] for g, sign in above), 0.0)
        low, high = np.quantile(sample, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        names = tuple(sources[axis] for axis in group)
        name = "rest" if len(group) == errors.ndim else " x ".join(names)
        found.append(Component(name, names, float(variance), low, high))
    return found


def _sum_of_squares(errors: NDArray[np.float64], group: tuple[int, ...]) -> float:
    """Return the sum of squares of the effects of a group of axes, without those of its parts."""
    effect = errors.copy()
    for axis in range(errors.ndim):
        mean = effect.mean(axis=axis, keepdims=True)
        effect = effect - mean if axis in group else np.broadcast_to(mean, errors.shape)
    return float((effect**2).sum())
