"""Verdicts over several looks, on made-up runs."""

import numpy as np
import pytest

from src.compare.caveats import caveats
from tests.compare.records import arms, compare_runs

RNG = np.random.default_rng(3)


def look(*labels, seeds):
    return {f"activation={label}": tuple(range(seeds)) for label in labels}


def test_a_pair_decided_at_a_declared_look_stays_decided_by_what_was_known_then():
    base = 0.03 + 0.0005 * RNG.normal(size=12)
    gap = np.array([0.01] * 8 + [-0.02] * 4)  # the seeds that came later say otherwise
    runs = arms(a=base, b=base - gap)
    found = compare_runs(runs, declared_looks=[8, 12], looks=[look("a", "b", seeds=8)])
    assert (found.pairs[0].verdict, found.pairs[0].estimate.n) == ("better", 8)
    assert compare_runs(runs).pairs[0].verdict == "undecided"
    assert "within the declared looks" in " ".join(caveats(found))


def test_an_undeclared_look_is_labelled_and_costs_level():
    base = 0.03 + 0.0005 * RNG.normal(size=10)
    earlier = [look("a", "b", seeds=n) for n in (6, 8)]
    found = compare_runs(arms(a=base, b=base - 0.01), looks=earlier)
    assert found.pairs[0].estimate.level < 0.05
    assert found.pairs[0].verdict == "better"  # p of 2/2^10 is below any level
    (said,) = (text for text in caveats(found) if "Looked at before" in text)
    assert "6 and 8 seeds, which was not declared" in said


def test_a_first_look_below_six_seeds_or_at_the_same_seeds_costs_nothing():
    base = 0.03 + 0.0005 * RNG.normal(size=8)
    for earlier in (look("a", "b", seeds=4), look("a", "b", seeds=8)):
        found = compare_runs(arms(a=base, b=base - 0.01), looks=[earlier])
        assert found.pairs[0].estimate.level == pytest.approx(0.05)
        assert not caveats(found)
