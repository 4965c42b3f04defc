"""Verdicts on made-up pairs whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from src.metrics import BUILT_IN, TEST_ERROR, Direction, Epoch, Metric, Unit
from tests.compare.records import arms, compare_runs, make_run


def test_the_difference_is_that_of_the_same_seeds():
    (pair,) = compare_runs(arms(sigmoid=[0.04, 0.02, 0.09], relu=[0.03, 0.03])).pairs
    assert (pair.a.label, pair.b.label) == ("activation=relu", "activation=sigmoid")
    assert pair.differences.tolist() == [-0.01, 0.01]  # seed 2 has no partner
    assert (pair.estimate.n, pair.estimate.mean, pair.a_better) == (2, 0, 1)


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
    assert found.pairs[0].estimate.low < 0 < found.pairs[0].estimate.high
    assert found.pairs[0].verdict == "undecided"


def test_five_seeds_that_agree_are_not_yet_equivalent():
    assert compare_runs(arms(sigmoid=[0.03] * 5, relu=[0.03] * 5)).pairs[0].verdict == "undecided"


def test_all_pairs_are_one_family_whose_smallest_p_does_not_depend_on_their_number():
    errors = np.linspace(0.03, 0.04, 8)
    found = compare_runs(arms(a=errors, b=errors - 0.01, c=errors - 0.02, d=errors + 0.02))
    assert [pair.estimate.p_adjusted for pair in found.pairs] == [2 / 2**8] * 6
    assert [pair.p_holm for pair in found.pairs] == [pytest.approx(6 * 2 / 2**8)] * 6
    assert [pair.verdict for pair in found.pairs] == (
        ["better", "better", "worse", "better", "worse", "worse"]
    )


def diverging(lost, better=0.01):
    """Ten seeds of two arms; `relu` is better by so much but diverges at the `lost` seeds."""
    errors = 0.03 + 0.0001 * np.arange(10)
    runs = arms(sigmoid=errors, relu=errors - better)
    return [
        make_run(run.config, run.seed, [0.4], outcome="diverged")
        if run.config["activation"] == "relu" and run.seed in lost
        else run
        for run in runs
    ]


def test_an_arm_that_diverges_is_not_better_for_its_survivors():
    (pair,) = compare_runs(diverging({0, 3, 5, 9})).pairs
    assert pair.estimate.n == 10
    assert pair.estimate.mean > 0.3  # four of ten at the error of a guess, 90 %
    assert pair.verdict == "undecided"


def failing(lost, better):
    """The same, but `relu` fails at the `lost` seeds, and so has no value there."""
    return [
        make_run(run.config, run.seed, [], status="FAILED", outcome="")
        if run.outcome == "diverged"
        else run
        for run in diverging(lost, better)
    ]


@pytest.mark.parametrize("better", [0.01, 0.0])
def test_an_arm_that_fails_more_often_is_neither_better_nor_equivalent(better):
    (pair,) = compare_runs(failing({0, 3}, better)).pairs
    assert (pair.estimate.n, pair.verdict) == (8, "undecided")
    assert pair.reason == "activation=relu diverged or failed more often"


def test_an_arm_that_fails_more_often_may_be_worse():
    (pair,) = compare_runs(failing({0, 3}, -0.01)).pairs
    assert pair.verdict == "worse"


def test_two_arms_that_stall_at_chance_are_not_equivalent_but_both_failed_to_learn():
    for stalled, verdict in ((8, "both failed to learn"), (3, "equivalent")):
        runs = [
            make_run({"act": act}, seed, [0.8865 if seed < stalled else 0.02])
            for act in ("sigmoid", "relu")
            for seed in range(8)
        ]
        assert compare_runs(runs).pairs[0].verdict == verdict


@pytest.mark.parametrize(
    ("train_loss", "verdict"), [(2.36, "both failed to learn"), (1.9, "equivalent")]
)
def test_untrained_arms_both_failed_to_learn_however_lucky_their_errors(train_loss, verdict):
    """Ten digits: equal odds for all have a cross-entropy of log 10 = 2.30."""
    epoch = Epoch(1, train_loss, 0.85, train_loss, 0.85, 1e-7, 0.1)
    runs = [
        replace(make_run({"lr": lr}, seed, [0.85]), epochs=(epoch,))
        for lr in ("1e-7", "2e-7")
        for seed in range(6)
    ]
    assert compare_runs(runs).pairs[0].verdict == verdict


def test_arms_that_stall_with_other_seeds_did_not_both_fail_to_learn():
    runs = [
        make_run({"act": act}, seed, [0.8865 if seed % 2 == odd else 0.02])
        for odd, act in enumerate(("a", "b"))
        for seed in range(8)
    ]
    (pair,) = compare_runs(runs).pairs
    assert pair.verdict == "undecided"


def test_a_finished_run_without_epochs_counts_as_diverged():
    runs = arms(a=[0.1] * 6, b=[0.1] * 6)
    found = compare_runs([replace(run, epochs=()) if run.seed == 5 else run for run in runs])
    assert [variant.diverged for variant in found.variants] == [1, 1]


def test_the_final_error_is_that_of_the_last_epoch():
    found = compare_runs(arms(a=[0.1] * 6, b=[0.2] * 6), metric="final/val_error")
    assert [found.mean(variant) for variant in found.variants] == pytest.approx([0.1, 0.2])


def test_a_gap_that_selection_made_is_no_verdict_where_the_test_set_shows_none():
    """Lower validation errors of a longer training, whose test errors are alike."""
    noise = np.random.default_rng(0).normal(0, 0.0005, (2, 12))
    runs = [
        make_run({"epochs": epochs}, seed, [0.03 - gain], summary={TEST_ERROR: 0.03 + error})
        for epochs, gain, row in (("5", 0, noise[0]), ("20", 0.004, noise[1]))
        for seed, error in enumerate(row)
    ]
    (pair,) = compare_runs(runs).pairs
    assert (pair.verdict, pair.validation) == ("equivalent", "better")
    assert pair.validation != pair.verdict
    (by_validation,) = compare_runs(runs, metric="best/val_error").pairs
    assert by_validation.verdict == "better"


def test_a_metric_that_is_better_when_higher_is_judged_so():
    accuracy = Metric("accuracy", Direction.MAXIMIZE, Unit.PERCENT)
    runs = [
        make_run({"lr": lr}, seed, [0.1], summary={"test/accuracy": 0.9 + gain + seed / 1000},
                 metrics=BUILT_IN | {"accuracy": accuracy})
        for lr, gain in (("1", 0), ("2", 0.02))
        for seed in range(6)
    ]  # fmt: skip
    found = compare_runs(runs, metric="test/accuracy")
    (pair,) = found.pairs
    assert (pair.verdict, pair.a_better, found.best.label) == ("better", 6, "lr=2")


def test_without_a_test_set_the_best_validation_error_is_judged():
    runs = [make_run({"lr": lr}, seed, [0.1], summary={}) for lr in "12" for seed in range(6)]
    assert compare_runs(runs).criterion.tracked == "best/val_error"
    one_lacks_it = [*arms(relu=[0.1]), make_run({"activation": "tanh"}, 0, [0.1], summary={})]
    assert compare_runs(one_lacks_it).criterion.tracked == "best/val_error"


def test_unequal_seeds_rank_by_what_is_paired():
    """`b` ran on the two easy seeds alone: its mean is lowest, and it is no better than `a`."""
    hard = [0.05, 0.05, 0.05, 0.05, 0.02, 0.02]
    runs = [*arms(a=hard), *(make_run({"activation": "b"}, s, [0.5, 0.0205]) for s in (4, 5))]
    found = compare_runs(runs)
    assert found.mean(found.variants[1]) < found.mean(found.baseline)
    assert found.best is found.baseline


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
    assert found.pairs[0].estimate.n == 0
    assert math.isnan(found.pairs[0].estimate.mean)
    assert found.pairs[0].verdict == "undecided"
