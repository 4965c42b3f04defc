"""What is said of made-up runs whose answer is known."""

import math

import numpy as np
import pytest

from src.compare import ComparisonError, compare, foresee
from tests.compare.records import make_run

DEFAULTS = {"baseline": None, "margin": 0.001, "target_error": None, "question": None}


def judge(runs, correct=lambda _: None, **options):
    return compare(runs, correct=correct, **DEFAULTS | options)


def arms(**errors):
    """One variant for each name, with these best errors by seed."""
    return [
        make_run({"activation": name}, seed, [0.5, error])
        for name, by_seed in errors.items()
        for seed, error in enumerate(by_seed)
    ]


def test_the_difference_is_that_of_the_same_seeds():
    (pair,) = judge(arms(sigmoid=[0.04, 0.02, 0.09], relu=[0.03, 0.03])).pairs
    assert (pair.a.label, pair.b.label) == ("activation=relu", "activation=sigmoid")
    assert pair.differences.tolist() == [-0.01, 0.01]  # seed 2 has no partner
    assert (pair.effect.n, pair.effect.mean, pair.a_better) == (2, 0, 1)


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(-0.01, "better"), (0.01, "worse"), (0.0002, "equivalent"), (0.0, "equivalent")],
)
def test_the_verdict_on_a_constant_shift(shift, verdict):
    errors = np.array([0.030, 0.031, 0.035, 0.028, 0.033, 0.030])
    found = judge(arms(sigmoid=errors, relu=errors + shift))
    assert found.pairs[0].verdict == verdict
    assert verdict in found.verdict


def test_an_interval_that_contains_zero_is_undecided():
    errors = np.full(7, 0.03)
    shifts = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30])
    found = judge(arms(sigmoid=errors, relu=errors + shifts))
    assert found.pairs[0].effect.low < 0 < found.pairs[0].effect.high
    assert found.pairs[0].verdict == "undecided"
    assert found.verdict.startswith("Undecided")


def test_five_seeds_decide_nothing_and_the_verdict_says_how_many_would():
    found = judge(arms(sigmoid=[0.05] * 5, relu=[0.01] * 5))
    assert found.pairs[0].verdict == "undecided"
    assert "no p-value below 0.05 is possible" in found.verdict
    assert "2/2^5 = 0.062" in found.verdict
    assert "6 seeds would do" in found.verdict


def test_five_seeds_that_agree_are_not_yet_equivalent():
    assert judge(arms(sigmoid=[0.03] * 5, relu=[0.03] * 5)).pairs[0].verdict == "undecided"


def test_the_baselines_pairs_are_one_holm_family_and_the_others_another():
    errors = np.linspace(0.03, 0.04, 8)
    found = judge(arms(a=errors, b=errors - 0.01, c=errors - 0.02, d=errors + 0.02))
    assert [pair.p_holm for pair in found.pairs] == [pytest.approx(3 * 2 / 2**8)] * 6
    assert [pair.verdict for pair in found.pairs] == (
        ["better", "better", "worse", "better", "worse", "worse"]
    )


def test_six_seeds_decide_one_pair_but_not_three_after_holm():
    errors = np.linspace(0.03, 0.04, 6)
    found = judge(arms(a=errors, b=errors - 0.01, c=errors - 0.02, d=errors + 0.02))
    assert {pair.verdict for pair in found.pairs} == {"undecided"}
    assert "7 seeds would do" in found.verdict


def test_one_seed_gives_mcnemar_and_no_interval():
    right = {"activation=sigmoid seed=0": [1] * 30 + [0] * 10, "activation=relu seed=0": [1] * 40}
    correct = {run: np.array(digits, dtype=bool) for run, digits in right.items()}.get
    found = judge(arms(sigmoid=[0.04], relu=[0.03]), correct)
    assert found.pairs[0].mcnemar_p == pytest.approx(2 / 2**10)
    assert math.isnan(found.pairs[0].effect.low)
    assert "these two trained models differ" in found.verdict


def test_mcnemar_takes_the_lowest_seed_with_one_split_and_asks_for_no_other():
    runs = [make_run({"lr": lr}, seed, [0.1]) for lr in "123" for seed in range(3)]
    runs[0] = make_run({"lr": "1"}, 0, [0.1], split="elsewhere")
    asked = []

    def correct(run_id):
        asked.append(run_id)
        return np.array([True, False])

    judge(runs, correct)
    assert sorted(asked) == (
        ["lr=1 seed=1", "lr=2 seed=0", "lr=2 seed=1", "lr=3 seed=0", "lr=3 seed=1"]
    )


def test_no_common_seed_leaves_the_pair_undefined():
    runs = [make_run({"lr": "1"}, 0, [0.1]), make_run({"lr": "2"}, 1, [0.2])]
    found = judge(runs)
    assert found.pairs[0].effect.n == 0
    assert math.isnan(found.pairs[0].effect.mean)
    assert "no seed that both finished" in found.verdict
    assert all(map(math.isfinite, found.metrics.values()))


def test_a_baseline_is_named_by_a_factor_or_by_its_whole_key():
    runs = [make_run({"optimizer.lr": lr}, s, [0.1]) for lr in ("1", "2") for s in range(2)]
    for name in ("lr=2", "optimizer.lr=2"):
        assert judge(runs, baseline=name).baseline.label == "lr=2"
    assert judge(runs).baseline.label == "lr=1"


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("activation=gelu", "matches no variant; name one of 'activation=relu depth=1', "),
        ("activation=relu", "matches 2 variants; name one of 'activation=relu depth=1', "),
        ("", "matches no variant"),
    ],
)
def test_a_baseline_that_is_not_one_variant_is_refused_with_what_is_allowed(baseline, said):
    configs = [{"activation": a, "depth": d} for a in ("relu", "tanh") for d in "12"]
    with pytest.raises(ComparisonError, match=said):
        judge([make_run(config, 0, [0.1]) for config in configs], baseline=baseline)


def test_different_datasets_are_refused_by_both_digests():
    runs = [make_run({"lr": "1"}, 0, [0.1], digest="aaa"), make_run({}, 0, [0.1], digest="bbb")]
    with pytest.raises(ComparisonError, match=r"aaa.*bbb"):
        judge(runs)


@pytest.mark.parametrize("runs", [[], [make_run({}, 0, [0.1], status="FAILED")]])
def test_runs_of_which_none_finished_are_refused(runs):
    with pytest.raises(ComparisonError, match="nothing to compare"):
        judge(runs)


def test_the_interaction_is_the_difference_of_gaps_paired_by_seed():
    gaps = {"1": 0.001, "2": 0.002, "10": 0.05}  # 10 is the last level as a number, not as a word
    runs = [
        make_run(
            {"act": act, "depth": depth}, seed, [0.02 + seed / 1000 + gap * (act == "sigmoid")]
        )
        for act in ("relu", "sigmoid")
        for depth, gap in gaps.items()
        for seed in range(6)
    ]
    found = judge(runs)
    (interaction,) = found.interactions
    assert (found.grid.x, found.grid.xs) == ("depth", ["1", "2", "10"])
    assert (interaction.level, interaction.reference) == ("sigmoid", "relu")
    assert interaction.effect.mean == pytest.approx(0.049)
    assert interaction.effect.excludes_zero


def test_variants_without_one_of_the_two_factors_make_no_grid():
    configs = [{"model": "softmax"}, *({"model": "mlp", "act": a} for a in ("relu", "tanh"))]
    assert judge([make_run(config, 0, [0.1]) for config in configs]).grid is None


def test_headline_figures_are_finite_fractions():
    found = judge(arms(sigmoid=[0.04] * 6, relu=[0.03] * 6))
    assert found.metrics["comparison/difference"] == -0.01
    assert found.metrics["comparison/runs"] == 12
    assert found.metrics["comparison/better"] == 1
    assert found.tags["comparison.verdict"] == found.verdict
    assert all(map(math.isfinite, found.metrics.values()))


@pytest.mark.parametrize(
    ("variants", "seeds", "said"),
    [
        (1, 2, ""),
        (
            2,
            5,
            "with 5 seeds no p-value below 0.05 is possible (the smallest p is 2/2^5 = ",
        ),
        (2, 6, ""),
        (4, 6, "with 6 seeds none of 3 pairs can reach 0.05 after Holm's correction "),
        (4, 7, ""),
    ],
)
def test_it_is_known_beforehand_what_so_few_seeds_cannot_decide(variants, seeds, said):
    planned = [
        make_run({"optimizer.lr": str(lr)}, seed, [], name=f"optimizer.lr={lr} seed={seed}")
        for lr in range(variants)
        for seed in range(seeds)
    ]
    assert foresee(planned, None).startswith(said)
    assert bool(foresee(planned, "optimizer.lr=0")) == bool(said)
    with pytest.raises(ComparisonError, match="matches no variant"):
        foresee(planned, "optimizer.lr=9")
