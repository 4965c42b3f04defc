"""Two crossed factors and their interaction."""

import numpy as np
import pytest

from src.compare.summary import sentence
from tests.compare.records import compare_runs, make_run


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
    found = compare_runs(runs, baseline="act=relu depth=1")
    assert (found.factorial.x, found.factorial.xs) == ("depth", ["1", "2", "10"])
    by_label = {effect.label: finding for effect, finding in found.effects.items()}
    interaction = by_label["act=sigmoid against relu: at depth=10 instead of 1"].estimate
    assert interaction.mean == pytest.approx(0.049)
    assert interaction.excludes_zero


def test_a_main_effect_is_the_mean_over_the_other_factors_levels():
    errors = {("no", "0"): 5, ("no", "0.2"): 4, ("no", "0.5"): 4.5}
    errors |= {("yes", "0"): 3.2, ("yes", "0.2"): 3.4, ("yes", "0.5"): 3.0}
    wobble = np.random.default_rng(0).normal(0, 0.05, (6, 6))
    runs = [
        make_run({"norm": norm, "dropout": dropout}, seed, [(mean + by_seed[seed]) / 100])
        for ((norm, dropout), mean), by_seed in zip(errors.items(), wobble, strict=True)
        for seed in range(6)
    ]
    found = compare_runs(runs)
    values = {v.label: np.array([*v.values(found.criterion).values()]) for v in found.variants}
    gaps = [
        values[f"norm=yes dropout={d}"] - values[f"norm=no dropout={d}"]
        for d in ("0", "0.2", "0.5")
    ]
    by_label = {effect.label: finding for effect, finding in found.effects.items()}
    main = by_label["norm=yes against no, mean over dropout"]
    np.testing.assert_allclose(main.differences, np.mean(gaps, axis=0), atol=1e-12)
    label = "norm=yes against no: at dropout=0.2 instead of 0"
    change = by_label[label]
    np.testing.assert_allclose(change.differences, gaps[1] - gaps[0], atol=1e-12)
    assert (main.verdict, main.estimate.p_adjusted) == ("better", 2 / 2**6)
    assert sentence(found).startswith("norm=yes against no, mean over dropout: better, ")
    assert "3 better at equal levels" in sentence(found)
    assert "the effects interact: norm=yes against no: at dropout=0.2 instead of 0" in sentence(
        found
    )


def test_pairs_at_equal_levels_are_listed():
    runs = [
        make_run({"act": act, "depth": depth}, 0, [0.1])
        for act in "ab"
        for depth in ("1", "2", "3")
    ]
    found = compare_runs(runs)
    listed = [(pair.a.label, pair.b.label) for pair in found.listed_pairs]
    assert ("act=b depth=3", "act=a depth=3") in listed
    assert ("act=b depth=3", "act=b depth=1") in listed
    assert ("act=b depth=3", "act=a depth=1") not in listed
    assert len(listed) == 3 + 2 * 2
    others = [(p.a.label, p.b.label) for p in found.pairs if p not in found.listed_pairs]
    assert others == [("act=b depth=2", "act=a depth=1"), ("act=b depth=3", "act=a depth=1")]


def test_each_level_is_held_against_the_baselines_at_any_number_of_variants():
    runs = [
        make_run({"act": act, "seen": f"{seen}"}, 0, [0.1]) for act in "ab" for seen in range(60)
    ]
    found = compare_runs(runs, baseline="act=b seen=7")
    listed = [(pair.a.label, pair.b.label) for pair in found.listed_pairs]
    assert ("act=a seen=3", "act=b seen=3") in listed
    assert ("act=a seen=3", "act=a seen=7") in listed
    assert len(listed) == 60 + 2 * 59
    assert len(found.pairs) == len(listed) + 59


def test_a_design_that_lacks_a_cell_has_no_effects():
    cells = [("a", "1"), ("a", "2"), ("b", "1")]
    found = compare_runs([make_run({"act": a, "depth": d}, 0, [0.1]) for a, d in cells])
    assert not found.effects


def test_a_variant_without_a_factor_makes_no_design():
    cells = [{"act": "a", "depth": "1"}, {"act": "a", "depth": "2"}, {"act": "b", "depth": "1"}]
    found = compare_runs([make_run(cell, 0, [0.1]) for cell in (*cells, {"act": "b"})])
    assert not found.effects
    assert len(found.pairs) == 6


def test_variants_without_one_of_the_two_factors_are_not_crossed():
    configs = [{"model": "softmax"}, *({"model": "mlp", "act": a} for a in ("relu", "tanh"))]
    assert compare_runs([make_run(config, 0, [0.1]) for config in configs]).factorial is None
