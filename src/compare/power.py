"""Power: the seeds with which a comparison would decide, found by simulating its own test."""

import itertools
import math
import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from src.compare.comparison import Comparison
from src.compare.contrasts import Verdict, decide
from src.compare.factorial import find_effects
from src.compare.family import ALPHA, MIN_N, estimate_family
from src.compare.formatting import count, p_value
from src.compare.pairs import Pair, pair_up
from src.compare.sequential import level_spent
from src.compare.sign_flips import smallest_p
from src.compare.stats import sd
from src.compare.variants import find_baseline, find_variants
from src.metrics import Run

POWER = 0.8
CONFIDENCE = 0.8  # of the upper limit of the spread, which few seeds tell badly
SIMULATIONS = 200  # a standard error of 0.03 at a power of 0.8
FLIPS = 2**9  # drawn in a simulation, where a p needs no third decimal
MAX_ARMS = 5  # simulated; more pairs cost little power, since seeds tell most of them apart
WIDE = 3  # spreads of so many margins are decided by fewer seeds than the last of the sizes
JUDGED_BY = re.compile(r"compare\.(?:margin|metric|looks)=\S+")
SIZES = (6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 160, 200)


class Needed(NamedTuple):
    """Seeds with which a verdict is found in 80 % of comparisons; None for more than 200."""

    difference: int | None  # of the margin, to be called better or worse
    equivalence: int | None  # of two variants that are equal

    def __str__(self) -> str:
        seeds = [f"more than {SIZES[-1]}" if n is None else str(n) for n in self]
        return f"{seeds[0]} seeds for a difference of the margin, {seeds[1]} for equivalence"


def power_note(runs: Sequence[Run], baseline: str | None) -> str:
    """Explain which pairs with the baseline planned runs cannot decide; "" if they can decide all.

    Only configs and seeds of the runs are read. Raises InputError if the baseline is not one
    variant.
    """
    variants = find_variants(runs)
    reference = find_baseline(variants, baseline)
    own = reference.by_seed.keys()
    return seeds_note([len(own & v.by_seed.keys()) for v in variants if v is not reference])


def looks_note(runs: Sequence[Run], declared: Sequence[int]) -> str:
    """Explain why a first look at planned runs decides nothing; "" if it can.

    The part of the level that the declared looks let it spend may be below the smallest p.
    """
    if not declared:
        return ""
    variants, seeds = find_variants(runs), len({run.seed for run in runs})
    contrasts = len(pair_up(variants, variants[0])) + len(find_effects(variants, variants[0]))

    def can_decide(n: int) -> bool:
        return level_spent(declared, n) >= smallest_p(n, contrasts)

    if not contrasts or can_decide(seeds):
        return ""
    first = next(n for n in declared if n > seeds and can_decide(n))
    return (
        f"compare.looks={[*declared]}: with {count(seeds, 'seed')} nothing is decided, since a "
        f"look then spends {level_spent(declared, seeds):.3f} of the level of {ALPHA} and the "
        f"smallest p is {p_value(smallest_p(seeds, contrasts))}; the first declared look that can "
        f"decide is that at {first}"
    )


def seeds_note(shared: Sequence[int]) -> str:
    """Explain which pairs no test can decide, by the seeds that each shares; "" if there are none.

    The smallest p does not depend on the number of pairs.
    """
    few = [n for n in shared if n < MIN_N]
    if not few:
        return ""
    n = max(few)
    smallest = f" (the smallest p is 2/2^{n} = {p_value(2 / 2**n)})" if n > 1 else ""
    subject = "" if len(few) == len(shared) else f"{len(few)} of {len(shared)} pairs: "
    return (
        f"{subject}with {count(n, 'seed')} no p-value below 0.05 is possible{smallest}; "
        f"a verdict takes at least {MIN_N} seeds, and often more"
    )


def upper_spread(pair: Pair) -> float:
    """Return the upper 80 % limit of the standard deviation of the differences, if normal."""
    from scipy.special import chdtri

    n = len(pair.differences)
    if n < 2:
        return math.nan
    return sd(pair.differences.tolist()) * math.sqrt((n - 1) / float(chdtri(n - 1, CONFIDENCE)))


def needed_for(comparison: Comparison) -> Needed | None:
    """Return the seeds that would decide every undecided listed pair; None if none can be told."""
    spread = _widest_spread(comparison)
    if not spread or comparison.margin == 0:
        return None
    arms, level = len(comparison.variants), level_of_look(comparison)
    return seeds_needed(spread / comparison.margin, arms, level)


def level_of_look(comparison: Comparison) -> float:
    """Return the level of the last look, which its undecided pairs have; a further one is alike.

    Where all are decided it is the largest of a look.
    """
    pairs = comparison.listed_pairs
    undecided = [p for p in pairs if not p.verdict.is_decided and not p.reason]
    return max((pair.estimate.level for pair in undecided or pairs), default=ALPHA)


def _widest_spread(comparison: Comparison) -> float:
    """Return the upper limit of the spread of the undecided pair that varies most; 0 without one.

    Pairs with a diverged run are passed over: more seeds do not make it train.
    """
    undecided = [
        pair
        for pair in comparison.listed_pairs
        if pair.verdict is Verdict.UNDECIDED and not (pair.a.diverged or pair.b.diverged)
    ]
    return max((spread for pair in undecided if (spread := upper_spread(pair)) > 0), default=0.0)


@lru_cache
def seeds_needed(spread: float, arms: int, level: float = ALPHA) -> Needed:
    """Return the seeds needed when paired differences of `arms` variants have this spread.

    `spread` is a standard deviation, in units of the margin; `level` that of one look.
    """
    spread = min(spread, SIZES[-1])  # from which on no size suffices
    return Needed(_fewest(spread, arms, 1.0, level), _fewest(spread, arms, 0.0, level))


def power(
    spread: float,
    arms: int,
    effect: float,
    n: int,
    simulations: int = SIMULATIONS,
    level: float = ALPHA,
) -> float:
    """Return the share of simulated comparisons that decide a pair whose difference is `effect`.

    `spread` and `effect` are in units of the margin; an effect of 0 is decided as equivalent. All
    other variants are equal to one side of the pair; each varies normally and by as much.
    """
    rng = np.random.default_rng([n, arms])
    sought = Verdict.WORSE if effect else Verdict.EQUIVALENT
    found, (first, second) = 0, np.triu_indices(min(arms, MAX_ARMS), 1)
    for _ in range(simulations):
        errors = rng.normal(0, spread / math.sqrt(2), (min(arms, MAX_ARMS), n))
        errors[0] += effect
        estimate = estimate_family(errors[first] - errors[second], level, FLIPS)[0]
        found += decide(estimate, 1.0, sign=1) is sought
    return found / simulations


def _fewest(spread: float, arms: int, effect: float, level: float) -> int | None:
    """Return the smallest size with enough power, near the one that normal theory suggests."""
    guess = MIN_N + (2.8 * spread) ** 2
    at = min(int(np.searchsorted(SIZES, guess)), len(SIZES) - 1)

    def suffices(index: int) -> bool:
        return power(spread, arms, effect, SIZES[index], level=level) >= POWER

    step = -1 if suffices(at) else 1
    while 0 <= at + step < len(SIZES) and suffices(at + step) == (step < 0):
        at += step
    at += step > 0
    return SIZES[at] if at < len(SIZES) else None


def advice(comparison: Comparison, command: str) -> str:
    """Tell how many seeds would decide what is not, and the command to type; "" if nothing is."""
    needed = needed_for(comparison)
    if needed is None:
        return ""
    margin = comparison.criterion.amount(comparison.margin)
    said = f"To decide what is undecided within ±{margin} takes, with 80 % power, {needed}"
    known = [n for n in needed if n is not None]
    if not known:
        return f"{said}; a larger margin takes fewer: {_wider_plan(comparison)}"
    if max(known) <= comparison.seeds:
        return (
            f"{said}, as there are: the difference is likely near the margin, and takes many more."
        )
    if not command:
        return f"{said}."
    asked = JUDGED_BY.findall(comparison.post_hoc)
    others = ("seed=", "hydra.sweep.dir=", *(f"{each.partition('=')[0]}=" for each in asked))
    words = [word for word in shlex.split(command) if not word.startswith(others)]
    return f"{said}: {shlex.join([*words, *asked, _more_seeds(comparison, max(known))])}"


def _wider_plan(comparison: Comparison) -> str:
    """Return the command that tells the seeds for a margin with which fewer than the most do."""
    spread = comparison.criterion.metric.scale * _widest_spread(comparison)
    step = 10 ** math.floor(math.log10(spread / WIDE))
    margin, arms = math.ceil(spread / WIDE / step) * step, len(comparison.variants)
    return f"python -m src.power spread={spread:.3g} variants={arms} margin={margin:g}"


def _more_seeds(comparison: Comparison, number: int) -> str:
    """Return the override that keeps the seeds, and adds to them without those that tuned."""
    own = sorted({run.seed for run in comparison.runs})
    tuned = {trial.seed for search in comparison.searches for trial in search.trials}
    further = (seed for seed in itertools.count(own[-1] + 1) if seed not in tuned)
    seeds = [*own, *itertools.islice(further, max(number - len(own), 0))]
    first, end = seeds[0], seeds[-1] + 1
    if seeds != [*range(first, end)]:
        return f"seed={','.join(map(str, seeds))}"
    return f"seed=range({first},{end})" if first else f"seed=range({end})"
