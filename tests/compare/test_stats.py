"""Held against scipy, against hand-computed cases, and against simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from src.compare.stats import estimate, estimate_each, holm, mcnemar, seeds_needed

DRAWS = np.random.default_rng(0)
SAMPLES = {
    "normal": DRAWS.normal(0.1, 1, (5, 12)),
    "laplace": DRAWS.laplace(0.3, 1, (5, 7)),
    "tied": DRAWS.integers(-3, 6, (5, 9)) / 10_000,
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_p_is_that_of_scipys_exact_sign_flip_test(sample):
    for differences in SAMPLES[sample]:
        reference = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert estimate(differences).p == pytest.approx(reference.pvalue, rel=1e-12)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_interval_holds_exactly_the_centres_that_the_test_does_not_reject(sample):
    for differences in SAMPLES[sample]:
        found = estimate(differences)
        inside, outside = (1e-6, -1e-6) if found.low < found.high else (0, -1e-6)
        for end, inwards in ((found.low, 1), (found.high, -1)):
            assert estimate(differences - end).p >= 0.05
            assert estimate(differences - (end + inwards * inside)).p >= 0.05
            assert estimate(differences - (end + inwards * outside)).p < 0.05


def test_with_six_values_the_interval_reaches_from_the_lowest_to_the_highest():
    found = estimate([3, 1, 4, 1.5, 9, 2.6])  # all flips but the two extreme ones: 1 - 2/64
    assert (found.low, found.high) == (1, 9)
    assert found.p == 2 / 64


def test_a_hand_computed_p_counts_each_flip_at_least_as_extreme():
    # |sum| >= 4 for the signs (+++), (-++) and their mirrors, of 8: 0 + 2 + 4, 0 carrying no sign.
    assert estimate([0, 1, 3]).p == 4 / 8


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_below_six_values_the_interval_is_students(n):
    values = np.random.default_rng(n).normal(1, 2, n)
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), rel=1e-9)
    assert found.p >= 2 / 2**n


@pytest.mark.parametrize(
    ("n", "samples"), [(6, 50_000), (10, 20_000), pytest.param(20, 2_500, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("law", ["normal", "laplace"])
def test_the_interval_covers_in_95_percent_and_the_test_rejects_in_5(n, samples, law):
    draw = getattr(np.random.default_rng(n), law)
    found = estimate_each(draw(size=(samples, n)))
    covered = 1 - np.mean([each.excludes_zero for each in found])
    rejected = np.mean([each.p < 0.05 for each in found])
    assert 0.93 <= covered <= 0.97
    assert rejected <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / samples)


def test_ties_and_rounding_never_split_the_interval_from_the_test():
    errors = np.random.default_rng(1).integers(150, 156, (2, 500, 8)) / 10_000
    for differences in errors[0] - errors[1]:  # such as 0.0003 with and without a last bit
        found = estimate(differences)
        assert (found.p < 0.05) == found.excludes_zero


def test_equal_differences_are_certain_of_themselves():
    found = estimate([0.0003] * 7)
    assert (found.mean, found.low, found.high, found.p) == (0.0003, 0.0003, 0.0003, 2 / 2**7)


def test_differences_of_zero_are_no_difference():
    found = estimate(np.zeros(8))
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_one_value_has_a_mean_and_no_interval():
    found = estimate([0.25])
    assert (found.n, found.mean, found.p) == (1, 0.25, 1)
    assert np.isnan([found.low, found.high]).all()


def test_no_value_has_nothing():
    found = estimate([])
    assert found.n == 0
    assert np.isnan([found.mean, found.low, found.high, found.p]).all()


def test_many_samples_of_many_sizes_are_estimated_each_as_if_alone():
    draw = np.random.default_rng(5).normal
    sizes = [*range(8), 17, *range(8), 16, *[17] * 150]  # of 16 and 17 more than one batch
    samples = [np.round(draw(0.1, 1, n), 4) for n in sizes]
    together, alone = estimate_each(samples), [estimate(sample) for sample in samples]
    for name in ("n", "mean", "low", "high", "p"):
        values = ([getattr(each, name) for each in found] for found in (together, alone))
        np.testing.assert_allclose(*values, rtol=0, atol=1e-12)


def test_a_nan_makes_the_estimate_nan():
    found = estimate([1, 2, 3, 4, 5, math.nan])
    assert np.isnan([found.mean, found.low, found.high, found.p]).all()


def test_beyond_sixteen_values_subsets_are_drawn_the_same_way_each_time():
    values = np.random.default_rng(3).normal(0.3, 1, 40)
    first, again = estimate(values), estimate(values.copy())
    assert (first.low, first.high, first.p) == (again.low, again.high, again.p)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=50_000, rng=4
    )
    assert first.p == pytest.approx(reference.pvalue, abs=0.011)  # 4 sd of both
    normal = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (first.low, first.high) == pytest.approx((normal.low, normal.high), abs=0.05)


def test_holm_steps_down_as_computed_by_hand():
    # sorted 0.005 0.01 0.03 0.04 times 4 3 2 1 is 0.02 0.03 0.06 0.04; never below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_does_not_count_what_was_not_tested():
    adjusted = holm([0.03, math.nan, 0.6])
    assert adjusted[[0, 2]] == pytest.approx([0.06, 0.6])
    assert math.isnan(adjusted[1])
    assert holm([]).size == 0


def test_holm_never_exceeds_one():
    assert holm([0.6, 0.9]).tolist() == [1, 1]


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (5, 0), (3, 9), (7, 7), (40, 61)])
def test_mcnemar_is_the_binomial_test_on_discordant_digits(only_a, only_b):
    a = np.array([True] * 50 + [True] * only_a + [False] * only_b)
    b = np.array([True] * 50 + [False] * only_a + [True] * only_b)
    total = only_a + only_b
    reference = stats.binomtest(only_a, total).pvalue if total else 1
    assert mcnemar(a, b) == pytest.approx(reference, rel=1e-9)


def test_six_seeds_do_for_one_test_and_nine_for_nine():
    for tests in (1, 2, 9, 99):
        n = seeds_needed(tests)
        assert tests * 2 / 2**n < 0.05 <= tests * 2 / 2 ** (n - 1)
    assert (seeds_needed(1), seeds_needed(9)) == (6, 9)
