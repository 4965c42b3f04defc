"""The end of a plain search, against errors that are made by a formula."""

import csv
import re
from dataclasses import replace

import pytest
from records import make_run

from src.compare import write
from src.compare.plain_search import find_search, numbers_or_words
from src.compare.terminal import print_result

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


@pytest.mark.slow
def test_importance_goes_to_the_parameter_that_decides():
    shares = find_search(trials(), range(12)).importances
    assert list(shares) == ["optimizer.lr", "model.width"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["optimizer.lr"] > 0.8
    assert find_search(trials(9), range(9)).importances == {}, "a forest learns nothing from nine"


@pytest.mark.slow
def test_trials_without_a_finite_error_are_counted_and_never_best(tmp_path):
    made = trials()
    made[7] = replace(made[7], status="FAILED")
    made[6] = replace(made[6], outcome="diverged")
    search = find_search(made, range(12))
    assert search.best.number == 8
    write(search, tmp_path, {})
    assert "2 of 12 failed or diverged" in (tmp_path / "report.html").read_text("utf-8")
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows[:3]] == [8, 5, 9]
    assert {key: rows[0][key] for key in list(rows[0])[1:]} == {
        **search.best.settings,
        **{"val_error": "0.12", "test_error": "0.121", "run": search.best.run.run_id},
    }
    assert len(rows) == 10
    assert find_search([replace(made[0], status="KILLED")], [0]) is None


@pytest.mark.slow
def test_page_and_terminal_show_the_best_trials_and_how_to_train_the_best_again(tmp_path, capsys):
    search = find_search(trials(), range(12), "<b>Which?</b>")
    write(search, tmp_path, {"hardware": "1 & 1 cores"})
    page = (tmp_path / "report.html").read_text("utf-8")
    print_result(search)
    shown = capsys.readouterr().out
    assert "&lt;b&gt;Which?&lt;/b&gt;" in page
    assert "1 &amp; 1 cores" in page
    assert page.count("<svg") == 1
    assert "mathdefault" not in page
    assert {"0.001", "0.01", "0.1"} <= set(re.findall(r">([\d.]+)</text>", page))
    for said in (search.sentence.split(",")[0], search.importance_note, f"{search.command}"):
        assert said in " ".join(page.split())
        assert said in " ".join(shown.split())
    rows = re.findall(r"<tr><td>(\d+)</td>", page)
    assert [int(number) for number in rows] == [t.number for t in search.trials[:5]]


def test_values_with_spaces_and_words_are_kept_whole():
    made = trials(2)
    names = ("model.channels=[8, 16] +a.b=x y", "model.channels=[16, 32] +a.b=x y")
    search = find_search([replace(r, name=n) for r, n in zip(made, names, strict=True)], [0, 1])
    assert search.best.settings == {"model.channels": "[16, 32]"}
    assert search.command.endswith("'model.channels=[16, 32]' '+a.b=x y'")
    assert numbers_or_words(["b", "a", "b"]) == ([1, 0, 1], ["a", "b"])
    assert numbers_or_words(["1e-3", "1"]) == ([0.001, 1], [])
