"""Held against scipy, statsmodels and hand-computed cases."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from src.compare.stats import holm, mcnemar


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
def test_mcnemar_is_the_binomial_test_on_discordant_samples(only_a, only_b):
    a = np.array([True] * 50 + [True] * only_a + [False] * only_b)
    b = np.array([True] * 50 + [False] * only_a + [True] * only_b)
    total = only_a + only_b
    reference = stats.binomtest(only_a, total).pvalue if total else 1
    assert mcnemar(a, b) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 3), (12, 3), (40, 61)])
def test_mcnemar_is_that_of_statsmodels(only_a, only_b):
    a = np.array([True] * 50 + [True] * only_a + [False] * only_b)
    b = np.array([True] * 50 + [False] * only_a + [True] * only_b)
    reference = reference_mcnemar([[50, only_a], [only_b, 0]], exact=True).pvalue
    assert mcnemar(a, b) == pytest.approx(reference, rel=1e-9)
