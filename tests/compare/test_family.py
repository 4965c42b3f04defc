"""Joint sign flips against a plain loop over all of them, scipy, statsmodels and simulation."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from src.compare import sign_flips
from src.compare.family import ALPHA, estimate, estimate_family

LAWS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "laplace": lambda rng, size: rng.laplace(size=size),
    "log-normal": lambda rng, size: rng.lognormal(size=size),
    "stalling": lambda rng, size: 88.0 * (rng.random(size) < 0.3) + rng.normal(0, 0.15, size),
}


def pairs(errors):
    """All differences of two arms, shape (arms, seeds) to (pairs, seeds)."""
    return np.array([a - b for a, b in combinations(errors, 2)])


def score(values, signs):
    """The normal score (Wallace 1959) of Student's |t| of flipped values, NaN left out."""
    kept = [(value, sign) for value, sign in zip(values, signs, strict=True) if value == value]
    n, total = len(kept), sum(value * sign for value, sign in kept)
    squares = sum(value**2 for value, _ in kept)
    share = min(round(total**2 / (n * squares), 12), 1) if squares else 0
    t_squared = math.inf if share == 1 else (n - 1) * share / (1 - share)
    nu = n - 1
    return (8 * nu + 1) / (8 * nu + 3) * math.sqrt(nu * math.log1p(t_squared / nu))


def p_by_loop(differences, level=ALPHA):
    """Adjusted p of each contrast by plain loops over all flips."""
    flips = list(product((1, -1), repeat=len(differences[0])))
    observed = [score(d, flips[0]) for d in differences]
    order = sorted(range(len(observed)), key=lambda k: -observed[k])
    differ, floor = set(), 0.0
    for at, k in enumerate(order):  # step-down maxT
        beyond = [max(score(differences[j], s) for j in order[at:]) >= observed[k] for s in flips]
        floor = max(floor, np.mean(beyond))
        if floor < level:
            differ.add(k)
    likely = [d - np.nanmean(d) if k in differ else d for k, d in enumerate(differences)]
    found = []
    for k, d in enumerate(differences):
        others = [likely[j] for j in range(len(differences)) if j != k]
        extreme = [
            s in (flips[0], flips[-1])
            or max(score(own, s) for own in [d, *others]) >= observed[k] - 1e-9
            for s in flips
        ]
        found.append(np.mean(extreme))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_the_adjusted_p_is_that_of_a_plain_loop_over_all_flips(law):
    rng = np.random.default_rng(7)
    for shift in (0, 3):
        differences = pairs(LAWS[law](rng, (4, 7)) + shift * np.arange(4)[:, None])
        found = [each.p_adjusted for each in estimate_family(differences)]
        assert found == pytest.approx(p_by_loop(differences), abs=1e-12)


def test_unequal_seeds_are_flipped_where_a_contrast_has_them():
    rng = np.random.default_rng(8)
    errors = rng.normal(size=(3, 9)) + np.array([[0], [0], [2]])
    errors[1, 7:] = math.nan
    differences = pairs(errors)
    found = estimate_family(differences)
    assert [each.n for each in found] == [7, 9, 7]
    assert [each.p_adjusted for each in found] == pytest.approx(p_by_loop(differences), abs=1e-12)
    for each, alone in zip(found, differences, strict=True):
        assert each.p == estimate(alone[~np.isnan(alone)]).p


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [6, 9])
def test_a_contrast_alone_has_the_p_of_scipys_exact_sign_flip_test(law, n):
    for values in LAWS[law](np.random.default_rng(n), (5, n)) - 0.5:
        reference = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        found = estimate(values)
        assert found.p == found.p_adjusted == pytest.approx(reference.pvalue, rel=1e-12)


@pytest.mark.slow
def test_the_interval_holds_exactly_the_centres_that_the_test_does_not_reject():
    rng = np.random.default_rng(9)
    differences = pairs(rng.normal(size=(4, 8)) + np.array([[0], [0], [1], [9]]))
    for k, found in enumerate(estimate_family(differences)):
        assert found.low < found.mean < found.high
        for end, outwards in ((found.low, -1), (found.high, 1)):
            for step, is_inside in ((-1e-6, True), (1e-6, False)):
                p = shifted_p(differences, k, end + outwards * step)
                assert (p >= ALPHA) == is_inside, (k, end, step)


def shifted_p(differences, k, centre):
    """The p of a contrast at another centre, the others' likely values kept, by a plain loop."""
    flips = list(product((1, -1), repeat=differences.shape[1]))
    differ = p_stepped_down(differences)
    likely = [d - d.mean() if is_so else d for d, is_so in zip(differences, differ, strict=True)]
    own = differences[k] - centre
    others = [likely[j] for j in range(len(differences)) if j != k]
    observed = score(own, flips[0])
    return np.mean(
        [
            s in (flips[0], flips[-1]) or max(score(d, s) for d in [own, *others]) >= observed
            for s in flips
        ]
    )


def p_stepped_down(differences):
    """Return whether step-down maxT finds that each contrast differs."""
    flips = list(product((1, -1), repeat=differences.shape[1]))
    observed = [score(d, flips[0]) for d in differences]
    left, found = sorted(range(len(observed)), key=lambda k: -observed[k]), set()
    while left:
        k = left[0]
        p = np.mean([max(score(differences[j], s) for j in left) >= observed[k] for s in flips])
        if p >= ALPHA:
            break
        found.add(left.pop(0))
    return [k in found for k in range(len(differences))]


def test_with_six_values_the_interval_reaches_from_the_lowest_to_the_highest():
    found = estimate([3, 1, 4, 1.5, 9, 2.6])  # all flips but the two extreme ones: 1 - 2/64
    assert (found.low, found.high, found.p) == (1, 9, 2 / 64)


def test_a_hand_computed_p_counts_each_flip_at_least_as_extreme():
    # |sum| >= 4 for the signs (+++), (-++) and their mirrors, of 8: 0 + 2 + 4, 0 carrying no sign.
    assert estimate([0, 1, 3]).p == 4 / 8


def test_the_smallest_p_does_not_depend_on_the_number_of_pairs():
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 0.01, (20, 6)) + np.arange(20)[:, None]
    assert {each.p_adjusted for each in estimate_family(pairs(errors))} == {2 / 2**6}


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_below_six_values_the_interval_is_students_and_excludes_nothing(n):
    values = np.random.default_rng(n).normal(9, 1, n)
    found, test = estimate(values), stats.ttest_1samp(values, 0)
    for level, ends in (
        (0.95, (found.low, found.high)),
        (0.9, (found.inner_low, found.inner_high)),
    ):
        reference = test.confidence_interval(level)
        assert ends == pytest.approx((reference.low, reference.high), rel=1e-9)
    assert found.p == 2 / 2**n
    assert math.isnan(found.p_adjusted)
    assert not found.excludes_zero
    assert not found.lies_within(1e9)


def test_a_contrast_of_few_seeds_does_not_disturb_the_family():
    rng = np.random.default_rng(2)
    differences = pairs(rng.normal(size=(3, 8)) + np.array([[0], [1], [3]]))
    few = np.array([[9.0, 9, 9] + [math.nan] * 5])
    together = estimate_family(np.concatenate([differences, few]))
    assert together[:3] == estimate_family(differences)


def test_ties_and_rounding_never_split_the_interval_from_the_test():
    errors = np.random.default_rng(1).integers(150, 156, (200, 3, 8)) / 10_000
    for arms in errors:  # differences such as 0.0003 with and without a last bit
        for found in estimate_family(pairs(arms)):
            assert found.excludes_zero == (found.low > 0 or found.high < 0)


def test_equal_differences_are_certain_of_themselves_and_zeros_are_no_difference():
    found = estimate([0.0003] * 7)
    assert (found.mean, found.low, found.high, found.p) == (0.0003, 0.0003, 0.0003, 2 / 2**7)
    found = estimate(np.zeros(8))
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_one_value_has_a_mean_and_no_interval_and_none_has_nothing():
    found = estimate([0.25])
    assert (found.n, found.mean, found.p) == (1, 0.25, 1)
    assert np.isnan([found.low, found.high]).all()
    found = estimate([])
    assert found.n == 0
    assert np.isnan([found.mean, found.low, found.high, found.p]).all()


@pytest.mark.parametrize("n", [8, 20])
def test_no_order_of_seeds_or_arms_and_no_sign_changes_anything(n):
    rng = np.random.default_rng(n)
    errors = rng.normal(size=(4, n)) + 0.4 * np.arange(4)[:, None]
    first = estimate_family(pairs(errors))
    reordered = estimate_family(-pairs(errors[:, rng.permutation(n)])[::-1])
    for a, b in zip(first, reordered[::-1], strict=True):
        assert (a.p, a.p_adjusted) == (b.p, b.p_adjusted)
        assert (a.low, a.high) == pytest.approx((-b.high, -b.low), abs=1e-11)


def test_drawn_flips_agree_with_all_flips(monkeypatch):
    differences = pairs(np.random.default_rng(3).normal(size=(3, 14)) + np.array([[0], [0.5], [1]]))
    exact = estimate_family(differences)
    monkeypatch.setattr(sign_flips, "MAX_EXACT_N", 13)
    for a, b in zip(exact, estimate_family(differences), strict=True):
        assert a.p_adjusted == pytest.approx(b.p_adjusted, abs=0.03)  # 4 sd of 4,096 draws
        assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.1)


def test_many_contrasts_are_estimated_a_block_at_a_time(monkeypatch):
    differences = pairs(np.random.default_rng(5).normal(size=(6, 9)) + np.arange(6)[:, None])
    whole = estimate_family(differences)
    monkeypatch.setattr(sign_flips, "BLOCK", 4 * 2**8)
    assert estimate_family(differences) == whole


def test_equivalence_is_two_one_sided_tests_as_statsmodels_makes_them():
    from statsmodels.stats.weightstats import DescrStatsW

    rng, n = (
        np.random.default_rng(6),
        40,
    )  # Student's and the sign-flip test agree for normal values
    agreed = 0
    for _ in range(60):
        values = rng.normal(0.02, 0.25, n)
        p, _, _ = DescrStatsW(values).ttost_mean(-0.1, 0.1)
        if abs(p - ALPHA) > 0.015:  # room for the 4,096 drawn flips
            assert estimate(values).lies_within(0.1) == (p < ALPHA)
            agreed += 1
    assert agreed > 40


def rejections(law, arms, n, sweeps, shifts=0.0):
    """Per simulated sweep: a false verdict, and whether all intervals cover."""
    rng = np.random.default_rng([arms, n])
    centres = pairs(np.broadcast_to(shifts, arms)[:, None])[:, 0]
    for _ in range(sweeps):
        found = estimate_family(
            pairs(LAWS[law](rng, (arms, n)) + np.broadcast_to(shifts, arms)[:, None])
        )
        yield (
            any(e.excludes_zero for e, centre in zip(found, centres, strict=True) if centre == 0),
            all(e.low <= centre <= e.high for e, centre in zip(found, centres, strict=True)),
        )


@pytest.mark.slow  # simulates sweeps
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("arms", "n", "sweeps"), [(2, 6, 800), (5, 8, 600)])
def test_false_verdicts_and_misses_stay_at_5_percent(law, arms, n, sweeps):
    false, covered = np.mean([*rejections(law, arms, n, sweeps)], axis=0)
    error = 3 * math.sqrt(ALPHA * (1 - ALPHA) / sweeps)
    assert false <= ALPHA + error
    assert covered >= 1 - ALPHA - error


def test_a_noisy_arm_does_not_hide_a_difference_between_two_others():
    rng, found = np.random.default_rng(0), 0
    for _ in range(50):
        errors = rng.normal(0, 0.14, (3, 6)) + np.array([[0], [0.5], [0]])
        errors[2] += 88 * (rng.random(6) < 0.4)
        found += estimate_family(pairs(errors))[0].excludes_zero
    assert found >= 40
