"""The answer in a sentence, figures and tags."""

import math

import numpy as np
import pytest

from src.compare.summary import metrics, sentence, tags
from tests.compare.records import arms, compare_runs, make_run


def test_five_seeds_decide_nothing_and_no_number_is_promised_to_do():
    found = compare_runs(arms(sigmoid=[0.05] * 5, relu=[0.01] * 5))
    assert found.pairs[0].verdict == "undecided"
    assert "no p-value below 0.05 is possible" in sentence(found)
    assert "2/2^5 = 0.062" in sentence(found)
    assert "a verdict takes at least 6 seeds" in sentence(found)


def test_six_seeds_decide_many_pairs():
    errors = np.linspace(0.03, 0.04, 6)
    found = compare_runs(arms(a=errors, b=errors - 0.01, c=errors - 0.02, d=errors + 0.02))
    assert {pair.verdict for pair in found.pairs} == {"better", "worse"}
    assert sentence(found).replace("activation=", "") == (
        "Of 3 variants against a: 2 better, 1 worse (n = 6 seeds); the best test error is that of "
        "c, 2.00 points below the baseline's (95 % interval \N{MINUS SIGN}2.00 to \N{MINUS SIGN}"
        "2.00, n = 6 seeds, p = 0.031, better)."
    )


def test_the_best_of_a_best_error_is_named_once():
    errors = np.linspace(0.03, 0.04, 6)
    runs = arms(a=errors, b=errors - 0.01, c=errors + 0.01)
    said = sentence(compare_runs(runs, metric="best/val_error"))
    assert "; the best validation error is that of activation=b, " in said


def test_one_seed_gives_mcnemar_and_no_interval():
    right = {"activation=sigmoid seed=0": [1] * 30 + [0] * 10, "activation=relu seed=0": [1] * 40}
    correct = {run: np.array(each, dtype=bool) for run, each in right.items()}.get
    found = compare_runs(arms(sigmoid=[0.04], relu=[0.03]), correct)
    assert found.pairs[0].mcnemar_p == pytest.approx(2 / 2**10)
    assert math.isnan(found.pairs[0].estimate.low)
    assert "on the validation samples the two trained models differ" in sentence(found)


@pytest.mark.parametrize(
    ("shift", "start"),
    [
        (-0.01, "b is better than a: its test error is 1.00 points lower (95 % "),
        (0.01, "b is worse than a: its test error is 1.00 points higher (95 % "),
        (0.0002, "b and a are equivalent within ±0.10 points: the difference is +0.02 points (90"),
    ],
)
def test_a_decided_pair_is_a_sentence_with_its_evidence(shift, start):
    errors = np.array([0.030, 0.031, 0.035, 0.028, 0.033, 0.030])
    said = sentence(compare_runs(arms(a=errors, b=errors + shift))).replace("activation=", "")
    assert said.startswith(start)
    assert said.endswith((", n = 6 seeds, p = 0.031).", ", n = 6 seeds)."))


def test_an_undecided_difference_has_no_winner():
    shifts = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30])
    said = sentence(compare_runs(arms(a=[0.03] * 7, b=0.03 + shifts))).replace("activation=", "")
    assert said.startswith("Undecided: b's test error is 0.13 points below a's, ")
    assert "which may be chance (95 % interval" in said


def test_no_common_seed_is_said_and_leaves_out_the_figures():
    found = compare_runs([make_run({"lr": "1"}, 0, [0.1]), make_run({"lr": "2"}, 1, [0.2])])
    assert "no seed that both finished" in sentence(found)
    assert "comparison/difference" not in metrics(found)
    assert all(map(math.isfinite, metrics(found).values()))


def test_summary_figures_are_finite_fractions():
    found = compare_runs(arms(sigmoid=[0.04] * 6, relu=[0.03] * 6))
    assert metrics(found)["comparison/difference"] == -0.01
    assert metrics(found)["comparison/runs"] == 12
    assert metrics(found)["comparison/better"] == 1
    assert tags(found)["comparison.verdict"] == sentence(found)
    assert all(map(math.isfinite, metrics(found).values()))
