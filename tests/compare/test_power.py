"""Verdicts that too few seeds cannot reach, known beforehand."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from src.compare.power import (
    SIZES,
    advice,
    level_of_look,
    needed_for,
    power,
    power_note,
    seeds_needed,
    upper_spread,
)
from src.compare.tuned import Search, Trial
from src.errors import InputError
from src.power import main, print_needed
from tests.compare.records import arms, compare_runs, make_run


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
    with pytest.raises(InputError, match="matches no variant"):
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effect", "n", "published"), [(1.0, 6, 0.26), (0.0, 10, 0.58)]
)  # of 0.1 points with a paired spread of 0.12, and of the equivalence of equal arms
def test_the_power_is_that_of_the_exact_test_in_simulation(effect, n, published):
    assert power(1.2, 2, effect, n, simulations=800) == pytest.approx(published, abs=0.04)


@pytest.mark.slow  # simulates sweeps
def test_the_seeds_needed_have_the_power_and_fewer_have_not():
    needed = seeds_needed(1.2, 2).difference
    smaller = SIZES[SIZES.index(needed) - 3]
    assert power(1.2, 2, 1.0, needed, simulations=400) > 0.7
    assert power(1.2, 2, 1.0, smaller, simulations=400) < 0.8


def test_the_spread_is_taken_at_its_upper_limit_of_80_percent():
    (pair,) = compare_runs(arms(a=[0.03] * 8, b=0.03 + np.arange(8) / 1000)).pairs
    spread = np.std(np.arange(8) / 1000, ddof=1)
    limit = spread * np.sqrt(7 / stats.chi2.ppf(0.2, 7))
    assert upper_spread(pair) == pytest.approx(limit)


@pytest.mark.slow
def test_an_undecided_comparison_says_how_many_seeds_would_do_and_what_to_type():
    wobble = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30]) / 8
    found = compare_runs(arms(a=[0.03] * 7, b=0.03 + wobble))
    said = advice(found, "python -m src.train -m activation=a,b 'seed=range(7)'")
    seeds = max(needed_for(found))
    typed = f"python -m src.train -m activation=a,b 'seed=range({seeds})'"
    assert said.endswith(typed)
    assert advice(found, "").endswith("for equivalence."), "of several sweeps there is no command"
    decided = compare_runs(arms(a=[0.03] * 7, b=[0.04] * 7))
    assert advice(decided, "python -m src.train -m") == ""


@pytest.mark.slow
def test_looks_that_share_the_level_take_more_seeds(capsys):
    wobble = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30, 8]) / 8
    runs = arms(a=[0.03] * 8, b=0.03 + wobble)
    looks = [{"activation=a": range(n), "activation=b": range(n)} for n in (6, 7)]
    alone, again = compare_runs(runs), compare_runs(runs, looks=looks)
    assert again.pairs[0].estimate.level < 0.03
    assert needed_for(again).difference > needed_for(alone).difference
    print_needed(again, "")
    assert f" {needed_for(again).difference} " in capsys.readouterr().out
    decided = compare_runs(arms(a=[0.03] * 8, b=0.05 + wobble), looks=looks)
    assert decided.pairs[0].verdict == "worse"
    assert level_of_look(decided) == decided.pairs[0].estimate.level < 0.05


@pytest.mark.slow
def test_the_command_keeps_the_seeds_and_passes_over_those_that_tuned():
    wobble = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30]) / 8
    runs = [replace(r, seed=r.seed + 3) for r in arms(a=[0.03] * 7, b=0.03 + wobble)]
    found = compare_runs(runs)
    seeds = max(needed_for(found))
    assert advice(found, "x seed=3,4").endswith(f"x 'seed=range(3,{seeds + 3})'")
    trials = tuple(Trial(0, {}, seed, True, 0.1) for seed in (0, 11))
    tuned = replace(found, searches=[Search("", (), 2, trials)])
    further = [seed for seed in range(3, seeds + 4) if seed != 11]
    assert advice(tuned, "x").endswith(f"x seed={','.join(map(str, further))}")


@pytest.mark.slow
def test_the_command_has_no_directory_of_the_sweep_and_the_margin_that_was_asked_for():
    wobble = 0.001 * np.array([-9, -8, -7, -6, -5, -4, 30]) / 8
    found = compare_runs(arms(a=[0.03] * 7, b=0.03 + wobble))
    asked = replace(found, post_hoc="compare.margin=0.1 compare.baseline=activation=a")
    seeds = max(needed_for(found))
    said = advice(asked, "x hydra.sweep.dir=d compare.margin=3 compare.question=q seed=3")
    assert said.endswith(f": x compare.question=q compare.margin=0.1 'seed=range({seeds})'")


@pytest.mark.slow  # simulates sweeps of up to 200 seeds
def test_a_pair_beyond_all_sizes_is_told_a_margin_and_the_command_that_counts_for_it(capsys):
    noise = np.random.default_rng(0).normal(0, 0.02, 8)
    for names in ("ab", "abcde"):
        found = compare_runs(arms(**{name: 0.1 + at * noise for at, name in enumerate(names)}))
        said, _, typed = advice(found, "x seed=3").partition(": ")
        assert "more than 200 seeds for a difference of the margin, more than 200 for" in said
        assert typed.startswith("python -m src.power spread=")
        main(typed.split()[3:])
        assert "more than" not in capsys.readouterr().out


def test_what_no_seeds_can_decide_is_not_called_decided(capsys):
    runs = arms(a=[0.03] * 6, b=[0.04] * 6)
    runs += [make_run({"activation": "c"}, seed, [], status="FAILED") for seed in range(6)]
    print_needed(compare_runs(runs), "x")
    assert "2 pairs undecided, of runs that diverged or failed" in capsys.readouterr().out
    print_needed(compare_runs(runs[:12]), "x")
    told = capsys.readouterr().out
    assert told.endswith("Nothing is undecided.\n")
    assert "spread" not in told  # the heading of a table without a row


@pytest.mark.slow
@pytest.mark.parametrize("spread", ["1e300", "1e308"])
def test_a_spread_beyond_all_sizes_needs_more_than_the_largest(spread, capsys):
    main([f"spread={spread}", "margin=1e-3"])
    assert "more than 200 seeds for a difference" in capsys.readouterr().out


@pytest.mark.slow
def test_a_plan_is_told_its_seeds_and_bad_numbers_are_refused_in_a_line(capsys):
    main(["spread=0.12", "margin=0.4"])
    assert "6 seeds for a difference of the margin, 6 for equivalence" in capsys.readouterr().out
    count = "an integer of at least 2"
    for typed, said in (
        ("spread=x", "a number above 0"),
        ("variants=1", count),
        ("variants=2.5", count),
    ):
        with pytest.raises(InputError, match=f"{typed}: must be {said}"):
            main(["spread=0.1", typed] if "spread" not in typed else [typed])
    for typed, said in (
        (["--all"], "--all: unknown; must be"),
        (["a", "b"], "^b: must be left out"),
        (["spread=1", "a"], "^a: must be left out: spread=… plans without a sweep"),
        (["variants=3"], "^variants=…: must go with spread=…"),
    ):
        with pytest.raises(InputError, match=said):
            main(typed)


@pytest.mark.slow
def test_the_seeds_of_each_pair_fit_into_80_columns_and_no_name_wraps(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    found = compare_runs(arms(leaky_relu=[0.03] * 6, sigmoid=[0.03, 0.04] * 3), margin=0.5)
    print_needed(found, "")
    row = r"^ *sigmoid +leaky_relu +6 +0\.55 +0\.80 +(\d+|> 200) +(\d+|> 200)"
    assert re.search(row, capsys.readouterr().out, re.MULTILINE)
