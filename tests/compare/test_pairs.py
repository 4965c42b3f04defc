"""Verdicts on made-up pairs whose answer is known."""

import math

import numpy as np
import pytest

from tests.compare.records import arms, compare_runs, make_run


def test_the_difference_is_that_of_the_same_seeds():
    (pair,) = compare_runs(arms(sigmoid=[0.04, 0.02, 0.09], relu=[0.03, 0.03])).pairs
    assert (pair.a.label, pair.b.label) == ("activation=relu", "activation=sigmoid")
    assert pair.differences.tolist() == [-0.01, 0.01]  # seed 2 has no partner
    assert (pair.effect.n, pair.effect.mean, pair.a_better) == (2, 0, 1)


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(-0.01, "better"), (0.01, "worse"), (0.0002, "equivalent"), (0.0, "equivalent")],
)
def test_the_verdict_on_a_constant_shift(shift, verdict):
    errors = np.array([0.030, 0.031, 0.035, 0.028, 0.033, 0.030])
    found = compare_runs(arms(sigmoid=errors, relu=errors + shift))
    assert found.pairs[0].verdict == verdict


def test_an_interval_that_contains_zero_is_undecided():
    errors = np.full(7, 0.03)
    shifts = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30])
    found = compare_runs(arms(sigmoid=errors, relu=errors + shifts))
    assert found.pairs[0].effect.low < 0 < found.pairs[0].effect.high
    assert found.pairs[0].verdict == "undecided"


def test_five_seeds_that_agree_are_not_yet_equivalent():
    assert compare_runs(arms(sigmoid=[0.03] * 5, relu=[0.03] * 5)).pairs[0].verdict == "undecided"


def test_the_baselines_pairs_are_one_holm_family_and_the_others_another():
    errors = np.linspace(0.03, 0.04, 8)
    found = compare_runs(arms(a=errors, b=errors - 0.01, c=errors - 0.02, d=errors + 0.02))
    assert [pair.p_holm for pair in found.pairs] == [pytest.approx(3 * 2 / 2**8)] * 6
    assert [pair.verdict for pair in found.pairs] == (
        ["better", "better", "worse", "better", "worse", "worse"]
    )


def test_mcnemar_takes_the_lowest_seed_with_one_split_and_asks_for_no_other():
    runs = [make_run({"lr": lr}, seed, [0.1]) for lr in "123" for seed in range(3)]
    runs[0] = make_run({"lr": "1"}, 0, [0.1], split="elsewhere")
    asked = []

    def correct(run_id):
        asked.append(run_id)
        return np.array([True, False])

    compare_runs(runs, correct)
    assert sorted(asked) == (
        ["lr=1 seed=1", "lr=2 seed=0", "lr=2 seed=1", "lr=3 seed=0", "lr=3 seed=1"]
    )


def test_no_common_seed_leaves_the_pair_undefined():
    runs = [make_run({"lr": "1"}, 0, [0.1]), make_run({"lr": "2"}, 1, [0.2])]
    found = compare_runs(runs)
    assert found.pairs[0].effect.n == 0
    assert math.isnan(found.pairs[0].effect.mean)
    assert found.pairs[0].verdict == "undecided"
