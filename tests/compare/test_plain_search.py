"""The end of a plain search, against errors that are made by a formula."""

import csv
from dataclasses import replace

import pytest
from records import make_run

from src.compare.plain_search import axis_of, find_search, search_plot, write_trials

WIDTHS = (16, 32, 64)


def trials(count: int = 12):
    """Trials whose error the learning rate decides: it is best at 0.01, whatever the width."""
    made = []
    for k in range(count):
        lr, width = 10.0 ** (-4 + 0.3 * k), WIDTHS[k % 3]
        error = 0.02 + 0.1 * abs(k - 7)
        typed = f"model=mlp optimizer.lr={lr:.6g} model.width={width}"
        made.append(make_run({}, 0, [0.9, error], name=typed))
    return made


def test_the_best_trial_is_told_with_the_command_that_trains_it_again():
    search = find_search(trials(), range(12))
    assert (search.best.number, search.total) == (7, 12)
    assert search.best.settings == {"optimizer.lr": "0.0125893", "model.width": "32"}
    assert search.command == ("python -m src.train model=mlp optimizer.lr=0.0125893 model.width=32")
    assert "optimizer.lr=0.0125893 model.width=32 (trial 7)" in search.sentence
    assert "validation error of 2.00%" in search.sentence
    assert "test error is 2.10%" in search.sentence


def test_importance_goes_to_the_parameter_that_decides():
    shares = find_search(trials(), range(12)).importances
    assert list(shares) == ["optimizer.lr", "model.width"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["optimizer.lr"] > 0.8
    assert find_search(trials(9), range(9)).importances == {}, "a forest learns nothing from nine"


def test_trials_without_a_finite_error_are_counted_and_never_best(tmp_path):
    made = trials()
    made[7] = replace(made[7], status="FAILED")
    made[6] = replace(made[6], outcome="diverged")
    search = find_search(made, range(12))
    assert search.best.number == 8
    assert "2 of 12 failed or diverged" in search_plot(search).caption
    write_trials(search, tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows[:3]] == [8, 5, 9]
    assert len(rows) == 10
    assert find_search([replace(made[0], status="KILLED")], [0]) is None


def test_values_with_spaces_and_words_are_kept_whole():
    made = trials(2)
    names = ("model.channels=[8, 16] +a.b=x y", "model.channels=[16, 32] +a.b=x y")
    search = find_search([replace(r, name=n) for r, n in zip(made, names, strict=True)], [0, 1])
    assert search.best.settings == {"model.channels": "[16, 32]"}
    assert search.command.endswith("'model.channels=[16, 32]' '+a.b=x y'")
    assert axis_of(["b", "a", "b"]).positions == [1, 0, 1]
    assert axis_of(["0.001", "1"]).is_log
    assert not axis_of(["0.1", "1"]).is_log
    assert not axis_of(["-1", "100"]).is_log
