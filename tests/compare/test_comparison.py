"""The baseline, runs that cannot be compared, and what changes no verdict."""

import numpy as np
import pytest

from src.compare.contrasts import Verdict
from src.errors import InputError
from tests.compare.records import arms, compare_runs, make_run


def test_a_baseline_is_named_by_a_factor_or_by_its_whole_key():
    runs = [make_run({"optimizer.lr": lr}, s, [0.1]) for lr in ("1", "2") for s in range(2)]
    for name in ("lr=2", "optimizer.lr=2"):
        assert compare_runs(runs, baseline=name).baseline.label == "lr=2"
    assert compare_runs(runs).baseline.label == "lr=1"


@pytest.mark.parametrize(
    ("level", "typed"),
    [("0.01", "1e-2"), ("0.01", ".010"), ("[100, 50]", "[100,50]"), ("[100, 50]", "[100, 50]")],
)
def test_a_baseline_is_found_however_its_value_is_spelled(level, typed):
    runs = [make_run({"model.x": x, "depth": "2"}, 0, [0.1]) for x in ("relu", level)]
    for baseline in (f"model.x={typed}", f"x={typed} depth=2", f"depth=2  x={typed}"):
        assert compare_runs(runs, baseline=baseline).baseline.label == f"x={level}"


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        (
            "activation=gelu",
            "=activation=gelu: must be one of 'activation=relu depth=1', .* no variant",
        ),
        ("activation=relu", "must be one of 'activation=relu depth=1', .*; it matches 2 variants"),
        ("", "compare.baseline=: must be one of .*; it matches no variant"),
    ],
)
def test_a_baseline_that_is_not_one_variant_is_refused_with_what_is_allowed(baseline, said):
    configs = [{"activation": a, "depth": d} for a in ("relu", "tanh") for d in "12"]
    with pytest.raises(InputError, match=said):
        compare_runs([make_run(config, 0, [0.1]) for config in configs], baseline=baseline)


def test_different_datasets_are_refused_by_both_digests():
    runs = [make_run({"lr": "1"}, 0, [0.1], digest="aaa"), make_run({}, 0, [0.1], digest="bbb")]
    with pytest.raises(InputError, match=r"aaa.*bbb"):
        compare_runs(runs)


@pytest.mark.parametrize("runs", [[], [make_run({}, 0, [0.1], status="FAILED")]])
def test_runs_of_which_none_finished_are_refused(runs):
    with pytest.raises(InputError, match="nothing to compare"):
        compare_runs(runs)


@pytest.mark.parametrize("shuffle", range(5))
def test_no_name_or_order_of_variants_or_seeds_changes_a_verdict(shuffle):
    draw = np.random.default_rng(shuffle)
    errors = 0.03 + 0.002 * draw.normal(size=(4, 8)) + np.array([[0.0], [0.0], [0.004], [0.01]])
    names, renamed = ["a", "b", "c", "d"], draw.permutation(["z", "k", "b", "q"]).tolist()
    runs = arms(**dict(zip(names, errors, strict=True)))
    others = arms(**dict(zip(renamed, errors, strict=True)))
    found = judged(compare_runs(runs), names)
    shuffled = compare_runs([others[k] for k in draw.permutation(len(others))])
    assert judged(shuffled, renamed) == found
    assert len({verdict for verdict, *_ in found.values()}) > 1


def judged(comparison, names) -> dict:
    """Return verdicts, intervals and p by the numbers of the variants, the later one first."""
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    found = {}
    for pair in comparison.pairs:
        a, b = (names.index(side.levels["activation"]) for side in (pair.a, pair.b))
        own = pair.estimate
        ends, verdict = (own.low, own.high), pair.verdict
        if a > b:
            ends, verdict = (-own.high, -own.low), opposite.get(verdict, verdict)
        found[min(a, b), max(a, b)] = (verdict, ends, own.p_adjusted)
    return found
