"""Two crossed factors and their interaction."""

import pytest

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
    found = compare_runs(runs)
    interactions = found.factorial.interactions("relu")
    assert (found.factorial.x, found.factorial.xs) == ("depth", ["1", "2", "10"])
    assert [*interactions] == ["sigmoid"]
    assert interactions["sigmoid"].mean == pytest.approx(0.049)
    assert interactions["sigmoid"].excludes_zero


def test_variants_without_one_of_the_two_factors_are_not_crossed():
    configs = [{"model": "softmax"}, *({"model": "mlp", "act": a} for a in ("relu", "tanh"))]
    assert compare_runs([make_run(config, 0, [0.1]) for config in configs]).factorial is None
