"""The table as a terminal shows it."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from src.compare.formatting import interval
from src.compare.summary import sentence
from src.compare.terminal import table
from src.compare.tuned import Search, Trial
from src.config.search_space import parse
from tests.compare.records import arms, compare_runs, make_run


def printed(comparison, width=140):
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(table(comparison, width))
    return capture.get()


def test_the_terminal_shows_what_a_level_is_and_not_its_markup():
    shown = printed(compare_runs(arms(**{"[red]": [0.04] * 6, "[100]": [0.03] * 6})))
    assert re.search(r"^ *\[red\] ", shown, re.MULTILINE)


def test_the_target_is_reached_at_the_first_epoch_that_has_it():
    runs = [make_run({"lr": "1"}, seed, [0.5, 0.1, 0.09]) for seed in range(2)]
    runs += [make_run({"lr": "2"}, 0, [0.5, 0.4]), make_run({"lr": "2"}, 1, [0.05])]
    shown = printed(compare_runs(runs, target_error=0.1))
    assert re.search(r"\n *1 .* 2\.0 +1\.00 ", shown)
    assert re.search(r"\n *2 .* 1\.0 \(1/2\) +0\.50 ", shown)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 17])
def test_any_number_of_seeds_gives_a_table_that_ends_in_the_answer(n):
    errors = [0.03 + seed / 10_000 for seed in range(n)]
    comparison = compare_runs(arms(sigmoid=errors, relu=errors[::-1]))
    assert sentence(comparison) in " ".join(printed(comparison).split())


def test_a_long_list_of_pairs_is_cut_and_says_so():
    runs = [make_run({"lr": f"{lr}"}, 0, [0.1]) for lr in range(24)]
    assert "and 256 more in pairs.csv" in printed(compare_runs(runs))


@pytest.mark.parametrize("width", [80, 120])
def test_no_number_wraps_and_every_row_has_its_verdict(width):
    runs = [
        make_run({"activation": act, "model.depth": d}, seed, [0.03 + seed / 1000 + int(d) / 100])
        for act in ("sigmoid", "leaky_relu")
        for d in "123"
        for seed in range(10)
    ]
    found = compare_runs(runs)
    shown = printed(found, width)
    assert max(map(len, shown.split("\n"))) <= width
    for pair in found.listed_pairs:
        metric = found.criterion.metric
        cells = (
            pair.verdict,
            metric.difference(pair.estimate.mean),
            interval(pair.estimate.low, pair.estimate.high),
        )
        row = r"\s+".join(map(re.escape, cells))
        assert re.search(row, shown), cells


@pytest.mark.parametrize("width", [80, 120])
def test_a_tuned_sweep_shows_what_each_variant_chose(width):
    trials = [Trial(at, {"lr": lr}, 9, True, 0.1 - at / 100) for at, lr in enumerate(("1", "2"))]
    searches = [Search(f"activation={a}", parse({"lr": "log(1, 9)"}), 2, trials) for a in "ab"]
    found = replace(compare_runs(arms(a=[0.03] * 6, b=[0.04] * 6)), searches=searches)
    assert re.search(r"activation=b +lr=2 +lr +9\.00", printed(found, width))


def test_the_terminals_table_needs_no_matplotlib():
    code = (
        "import sys, src.compare; sys.exit('matplotlib' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
