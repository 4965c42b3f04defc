"""Sign flips of seeds, and the contrasts whose signs they flip.

If two variants were alike, the difference of each seed could as well have the other sign (Fisher,
The Design of Experiments, 1935). A seed's signs are flipped in all contrasts at once, so the flips
know how the contrasts depend on each other. Each contrast is studentised, its t brought to the
scale of a normal score (Wallace, Ann. Math. Stat. 30, 1959), so that neither one noisy variant nor
other numbers of seeds rule a maximum over contrasts.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

MAX_EXACT_N = 16  # up to so many seeds all flips are looked at, if there are not too many contrasts
MAX_EXACT = 2**24  # contrasts times flips
DRAWN = 2**12  # flips that are drawn otherwise
BLOCK = 2**17  # scores held at once, which fit a cache
# Errors are ratios of counts. 12 decimals keep different values apart and make values equal that
# differ only by the rounding of sums: without them a tie would fall on a random side.
DECIMALS = 12


def flips_of(differences: FloatArray, drawn: int = DRAWN) -> FloatArray:
    """Return signs, shape (flips, seeds), by which to flip the seeds of `differences`.

    The first flip is none; a flip and its mirror, which have equal scores, are one. Drawn flips are
    fixed; seeds get them in the order of their squared differences, which neither the names nor
    the order of seeds and variants change, nor the flips themselves.
    """
    seeds, size = differences.shape[1], np.nansum(differences**2, axis=0)
    if _takes_all(seeds, len(differences), drawn):
        return all_flips(seeds)
    signs = np.empty((drawn, seeds))
    signs[:, np.argsort(np.round(size, DECIMALS), kind="stable")] = _drawn_flips(seeds, drawn)
    return signs


def _takes_all(seeds: int, contrasts: int, drawn: int) -> bool:
    largest = MAX_EXACT // contrasts if drawn == DRAWN else drawn
    return seeds <= MAX_EXACT_N and 2 ** (seeds - 1) <= largest


def smallest_p(seeds: int, contrasts: int) -> float:
    """Return the smallest p that so many contrasts can have: that of one flip among all."""
    return 1 / (2 ** (seeds - 1) if _takes_all(seeds, contrasts, DRAWN) else DRAWN)


@dataclass(frozen=True)
class Contrasts:
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

    def distances(self, rows: Rows, flips: FloatArray) -> FloatArray:
        """Return up to how far from its mean a centre has a flip as extreme as the data.

        The shape is (2, rows, flips): below the mean, and above it. Flipping seeds carries a sum
        to its other tail or beyond just when their mean, or that of the others, lies on the far
        side of the centre. A flip of all seeds of a contrast, or of none, always is as extreme.
        """
        has, values, n = self.has[rows], self.values[rows], self.n[rows]
        turned = (flips < 0).T.astype(float)  # (seeds, flips)
        counts, sums = has @ turned, values @ turned
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (values.sum(1, keepdims=True) - sums) / (n - counts)
            parts = np.round([sums / counts, rest], DECIMALS)
        means = self.means[rows, None]
        distances = np.stack([means - parts.min(0), parts.max(0) - means])
        is_none = (counts == 0) | (counts == n)
        return np.where(is_none, math.inf, np.round(distances, DECIMALS))


def _wallace(n: FloatArray) -> FloatArray:
    return (8 * n - 7) / (8 * n - 5)


@lru_cache(maxsize=8)
def all_flips(seeds: int) -> FloatArray:
    """Return all flips of some seeds but the mirrors, shape (flips, seeds); the first is none."""
    bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
    return np.where(bits == 1, -1.0, 1.0)


@lru_cache(maxsize=8)
def _drawn_flips(seeds: int, number: int) -> FloatArray:
    draws = np.random.default_rng(seeds).random((number, seeds))
    signs = np.where(draws < 0.5, -1.0, 1.0)
    signs[0] = 1
    return signs
