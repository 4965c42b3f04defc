"""Caveats, each for what it tells of."""

import numpy as np
import pytest

from src.compare.caveats import caveats
from src.compare.summary import sentence
from src.metrics import TEST_ERROR
from tests.compare.records import arms, compare_runs, make_run


def told(runs, **options):
    return " ".join(caveats(compare_runs(runs, **options)))


def test_a_plain_comparison_has_none():
    assert not told(arms(a=[0.03] * 6, b=[0.04] * 6))


def test_diverged_runs_are_named_with_what_they_count_as():
    runs = arms(a=[0.03] * 6, b=[0.04] * 5)
    runs.append(make_run({"activation": "b"}, 5, [0.4], outcome="diverged"))
    said = told(runs)
    assert "1 run diverged (1 of activation=b); it counts with its last finite error" in said
    assert "(a guess: 90.00 %)" in said


def test_diverged_runs_count_with_the_worst_value_of_a_metric_that_has_no_guess():
    runs = arms(a=[0.03] * 6, b=[0.04] * 4)
    runs += [make_run({"activation": "b"}, seed, [0.4], outcome="diverged") for seed in (4, 5)]
    said = told(runs, metric="val/loss")
    assert "2 runs diverged (2 of activation=b); each counts with its last finite value or" in said
    assert "guess" not in said


def test_without_a_test_set_the_bias_of_the_validation_error_is_named():
    runs = [make_run({"lr": lr}, seed, [0.1], summary={}) for lr in "12" for seed in range(6)]
    assert "judged on the samples that selected the epoch" in told(runs)


def test_a_verdict_that_validation_contradicts_is_named():
    noise = np.random.default_rng(0).normal(0, 0.0003, (2, 10))
    runs = [
        make_run({"epochs": epochs}, seed, [0.03 - gain], summary={TEST_ERROR: 0.03 + error})
        for epochs, gain, row in (("5", 0, noise[0]), ("20", 0.004, noise[1]))
        for seed, error in enumerate(row)
    ]
    assert "gives other verdicts: epochs=20 against epochs=5 better, here equivalent" in told(runs)


def test_learning_rates_that_differ_between_arms_are_named():
    runs = [
        make_run({"activation": a, "optimizer.lr": lr}, seed, [0.1], name=f"activation={a}")
        for a, lr in (("relu", "0.05"), ("sigmoid", "0.4"))
        for seed in range(6)
    ]
    assert "optimizer.lr (0.05, 0.4)" in told(runs)


@pytest.mark.parametrize(
    ("second", "said", "interval"),
    [
        ([0.05] * 5 + [0.051, 0.052, 0.053], "is decided by no p at this look", "unbounded"),
        ([0.031, 0.032, 0.034, 0.038, 0.036, 0.035, 0.037, 0.033], "only below p = 0.", " to "),
    ],
)
def test_a_look_that_was_not_declared_says_whether_it_can_decide(second, said, interval):
    runs = arms(sigmoid=[0.05] * 8, relu=second)
    earlier = {f"activation={name}": range(6) for name in ("sigmoid", "relu")}
    comparison = compare_runs(runs, looks=[earlier])
    assert any(said in each for each in caveats(comparison))
    assert interval in sentence(comparison)
