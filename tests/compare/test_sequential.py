"""Levels of looks, held against plain loops over all flips, and in simulation."""

import math
from itertools import product

import numpy as np
import pytest

from src.compare.family import ALPHA, estimate_family
from src.compare.sequential import look_levels
from src.compare.sign_flips import flips_of, smallest_p
from tests.compare.test_family import LAWS, pairs, score


def looks_at(differences, taken):
    """The differences known at each look."""
    known = [np.array(differences) for _ in taken]
    for look, n in zip(known, taken, strict=True):
        look[:, n:] = math.nan
    return known


def scores_by_loop(by_look):
    """The largest score at each look under every flip, shape (flips, looks)."""
    flips = product((1, -1), repeat=by_look[0].shape[1])
    return [[max(score(d, signs) for d in look) for look in by_look] for signs in flips]


def share(of):
    return math.log(1 + (math.e - 1) * of) * ALPHA


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3])
def test_declared_looks_let_their_share_of_all_flips_cross_and_not_one_more(arms):
    differences = pairs(np.random.default_rng(arms).laplace(size=(arms, 10)))
    declared = [6, 8, 10]
    by_look = looks_at(differences, declared)
    levels = look_levels(declared, declared, by_look)
    scores, crossed = scores_by_loop(by_look), set()
    for look, (n, level) in enumerate(zip(declared, levels, strict=True)):
        column = [row[look] for row in scores]
        p = [np.mean([other >= own - 1e-9 for other in column]) for own in column]
        crossed |= {flip for flip, each in enumerate(p) if each < level}
        assert len(crossed) / len(scores) <= share(n / 10) + 1e-12
        following = min(each for each in p if each > level)
        more = {flip for flip, each in enumerate(p) if each <= following}
        assert len(crossed | more) / len(scores) > share(n / 10)


@pytest.mark.parametrize(("seeds", "contrasts"), [(6, 1), (13, 3), (16, 600), (17, 1)])
def test_the_smallest_p_is_that_of_one_flip(seeds, contrasts):
    flips = flips_of(np.zeros((contrasts, seeds)))
    assert smallest_p(seeds, contrasts) == 1 / len(flips)


def test_undeclared_looks_share_one_level_and_err_together_in_5_percent():
    taken = [6, 8, 10]
    by_look = looks_at(pairs(np.random.default_rng(1).normal(size=(3, 10))), taken)
    level, *others = look_levels([], taken, by_look)
    assert others == [level, level]
    scores = np.array(scores_by_loop(by_look))
    p = np.array([(column >= column[:, None] - 1e-9).mean(1) for column in scores.T])
    assert (p < level).any(0).mean() <= ALPHA
    assert (p <= p[p > level].min()).any(0).mean() > ALPHA


def test_the_first_look_has_all_of_the_error_unless_others_are_declared():
    (differences,) = looks_at(pairs(np.random.default_rng(2).normal(size=(2, 8))), [8])
    assert look_levels([], [8], [differences]) == [ALPHA]
    assert look_levels([6, 8], [8], [differences]) == [ALPHA]  # the only one taken, and the last
    (level,) = look_levels([8, 16], [8], [differences])
    assert share(0.5) - 2 / 2**8 < level <= share(0.5) + 1 / 2**8


def test_a_look_beyond_the_last_declared_is_adjusted_for_like_undeclared_ones():
    taken = [6, 8, 10]
    by_look = looks_at(pairs(np.random.default_rng(3).normal(size=(2, 10))), taken)
    assert look_levels([6, 8], taken, by_look) == look_levels([], taken, by_look)


@pytest.mark.slow  # simulates sweeps
@pytest.mark.parametrize("declared", [[6, 8, 10], []])
@pytest.mark.parametrize("law", ["normal", "stalling"])
def test_three_looks_err_together_in_at_most_5_percent(law, declared):
    rng, taken, false, sweeps = np.random.default_rng(11), [6, 8, 10], 0, 300
    for _ in range(sweeps):
        by_look = looks_at(pairs(LAWS[law](rng, (3, 10))), taken)
        levels = look_levels(declared, taken, by_look)
        false += any(
            each.excludes_zero
            for look, level in zip(by_look, levels, strict=True)
            for each in estimate_family(look, level)
        )
    assert false / sweeps <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / sweeps)
