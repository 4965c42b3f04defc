"""Verdicts that too few seeds cannot reach, known beforehand."""

import pytest

from src.compare import ComparisonError, power_note
from tests.compare.records import make_run


def plan(seeds_by_lr):
    """Planned runs, which have no epochs yet."""
    return [
        make_run({"optimizer.lr": str(lr)}, seed, [], name=f"optimizer.lr={lr} seed={seed}")
        for lr, seeds in enumerate(seeds_by_lr)
        for seed in seeds
    ]


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
        (4, 6, ""),
    ],
)
def test_it_is_known_beforehand_what_so_few_seeds_cannot_decide(variants, seeds, said):
    planned = plan([range(seeds)] * variants)
    assert power_note(planned, None).startswith(said)
    assert bool(power_note(planned, "optimizer.lr=0")) == bool(said)
    with pytest.raises(ComparisonError, match="matches no variant"):
        power_note(planned, "optimizer.lr=9")


def test_a_single_pair_that_cannot_be_decided_is_told_among_others_that_can():
    note = power_note(plan([range(8), range(8), range(2)]), None)
    assert note.startswith("1 of 2 pairs: with 2 seeds no p-value below 0.05 is possible")


def test_variants_without_a_common_seed_cannot_be_decided():
    assert power_note(plan([range(8), range(8, 16)]), None).startswith("with 0 seeds no p-value")
    note = power_note(plan([range(6), range(6), range(6, 12)]), None)  # one pair is no test
    assert note.startswith(
        "1 of 2 pairs: with 0 seeds no p-value below 0.05 is possible; a verdict"
    )
