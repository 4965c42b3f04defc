"""Sequential looks: the level of each that keeps the error of all of them together at 5 %.

Declared looks spend alpha by the seeds they have seen (Lan & DeMets, Biometrika 70, 1983, with the
spending function of Pocock's kind). The bounds are those of the sign-flip test itself: each flip
of the seeds is followed through all looks, as in AdaStop (Mathieu et al. 2023, arXiv 2306.10882).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from src.compare.family import ALPHA, MIN_N, flip_maxima
from src.compare.sign_flips import FloatArray, flips_of

Look = Mapping[str, Collection[int]]  # label of a variant: the seeds it was judged by


@dataclass(frozen=True)
class LookPlan:
    """Looks that were declared, and those that were taken before this one."""

    declared: Sequence[int] = ()  # numbers of seeds
    earlier: Sequence[Look] = ()

    @property
    def has_looks(self) -> bool:
        """True if the level is that of a look among several, declared or not."""
        return bool(self.earlier or self.declared)

    def taken(self, seeds: int) -> list[int]:
        """Return the numbers of seeds at all looks, of which this one is the last."""
        return [*map(size, self.earlier), seeds]

    def is_kept(self, seeds: int) -> bool:
        """Return whether a look at so many seeds, after the earlier ones, was planned."""
        return is_planned(self.declared, self.taken(seeds))


def size(look: Look) -> int:
    """Return the largest number of seeds of a variant."""
    return max(map(len, look.values()), default=0)


def earlier_looks(looks: Sequence[Look], seeds: int) -> list[Look]:
    """Return the looks at fewer seeds than now, each number of seeds once and in order.

    A look below 6 seeds could not reject and does not count.
    """
    by_size = {size(look): look for look in looks if MIN_N <= size(look) < seeds}
    return [by_size[size] for size in sorted(by_size)]


def is_planned(declared: Sequence[int], taken: Sequence[int]) -> bool:
    """Return whether looks at `taken` seeds are within the plan: none beyond the last declared."""
    return len(taken) == 1 or (bool(declared) and max(taken) <= max(declared))


def look_levels(
    declared: Sequence[int], taken: Sequence[int], by_look: Sequence[FloatArray]
) -> list[float]:
    """Return for each look taken the level below which its p-values reject.

    Within a plan a look between the declared ones spends as much as its seeds allow. Beyond it, or
    without one, all looks taken get the same level.

    Args:
        declared: numbers of seeds at which to look, increasing; none if nothing was planned.
        taken: numbers of seeds at the looks until now, increasing.
        by_look: the differences known at each of them, shape (contrasts, seeds), NaN where a seed
            came later.
    """
    if len(taken) == 1 and (not declared or taken[0] >= max(declared)):
        return [ALPHA]
    flips = flips_of(by_look[-1])
    scores = [
        flip_maxima(look[np.count_nonzero(~np.isnan(look), axis=1) >= MIN_N], flips)
        for look in by_look
    ]
    if not is_planned(declared, taken):
        return _equal_levels(scores)
    return _spending_levels(scores, [level_spent(declared, seeds) for seeds in taken])


def level_spent(declared: Sequence[int], seeds: int) -> float:
    """Return how much of the level may be spent by a look at so many seeds, all before included."""
    return ALPHA * math.log(1 + (math.e - 1) * min(seeds / max(declared), 1))


def _spending_levels(scores: Sequence[FloatArray], cumulative: Sequence[float]) -> list[float]:
    """Return levels with which a share `cumulative[k]` of the flips has crossed by look k."""
    flips, levels = len(scores[0]), []
    crossed = np.zeros(flips, dtype=bool)
    for score, spent in zip(scores, cumulative, strict=True):
        allowed = math.floor(spent * flips) - np.count_nonzero(crossed)
        descending = np.sort(score[~crossed])[::-1]
        beyond = score > (descending[allowed] if allowed < len(descending) else -1)
        levels.append(_between(int(beyond.sum()), flips))
        crossed |= beyond
    return levels


def _equal_levels(scores: Sequence[FloatArray]) -> list[float]:
    """Return one level for all looks, with which a flip rejects at any of them in 5 %."""
    flips = len(scores[0])
    ranks = [flips - np.searchsorted(np.sort(score), score) for score in scores]  # p times flips
    lowest = np.sort(np.min(ranks, axis=0))
    first_not_allowed = lowest[math.floor(ALPHA * flips)]
    allowed = max((int(rank) for rank in lowest if rank < first_not_allowed), default=0)
    return [_between(allowed, flips)] * len(scores)


def _between(count: int, flips: int) -> float:
    """Return a level that a p of `count` flips is below, and one of a flip more is not."""
    return (count + 0.5) / flips
