"""Commands that need a sweep's answer, on sweeps in which no variants are compared."""

import re
import zipfile
from itertools import product

import pytest

from src import export, power, register
from src.errors import InputError

COMMAND = "python -m src.train -m 'init_seed=range(2)' 'order_seed=range(2)'"


@pytest.fixture(scope="module")
def crossed(runs) -> list[str]:
    """The ids of the jobs of a sweep over crossed seeds of one variant."""
    jobs = [
        (("model=softmax", f"init_seed={a}", f"order_seed={b}"), 0.1 + a / 10 + b / 100)
        for a, b in product(range(2), repeat=2)
    ]
    return runs.sweep(*jobs, command=COMMAND)[1]


@pytest.fixture(scope="module")
def search(runs) -> list[str]:
    """The ids of the jobs of a search by a sweeper of another project."""
    jobs = [(("model=softmax", f"optimizer.lr={lr}"), lr) for lr in (0.3, 0.1)]
    return runs.sweep(*jobs, command="python -m src.train -m", answer="search")[1]


def registered(runs, sweep, monkeypatch) -> tuple[str, str]:
    """The run that would be registered, and its description."""
    found = []
    monkeypatch.setattr("src.inference.publish.publish_run", lambda _, record: record.run_id)
    monkeypatch.setattr(
        "src.tracking.logged_model.register",
        lambda store, model, name, verdict, alias: found.append((model, verdict)) or "1",
    )
    register.main([*runs.words, "name=digits", f"sweep={sweep}"])
    return found[0]


def parent(runs, run_id: str) -> str:
    return runs.store.client.get_run(run_id).data.tags["mlflow.parentRunId"]


@pytest.mark.slow
def test_the_best_run_is_registered_with_the_answer(runs, crossed, search, monkeypatch):
    run_id, verdict = registered(runs, parent(runs, crossed[0]), monkeypatch)
    assert run_id == crossed[0]
    assert verdict.startswith("The best validation error is 15.50% on average; its standard")
    run_id, verdict = registered(runs, parent(runs, search[0]), monkeypatch)
    assert run_id == search[1]
    assert verdict.startswith("Best of 2 trials: optimizer.lr=0.1")


@pytest.mark.slow  # simulates sweeps of many seeds
def test_seeds_are_counted_for_another_margin_with_the_verdicts_and_the_command_of_it(runs, capsys):
    jobs = [
        (("model=softmax", f"optimizer.lr={lr}", f"seed={seed}"), 0.1 + (seed - 3) * lr / 50)
        for lr in (0.1, 0.2)
        for seed in range(7)
    ]
    sweep, _ = runs.sweep(*jobs, command="x compare.margin=0.1 'seed=range(7)'")
    power.main([sweep, "margin=0.9", *runs.words])
    assert "Nothing is undecided" in capsys.readouterr().out, "the pair is equivalent"
    power.main([sweep, "margin=0.3", *runs.words])
    told = capsys.readouterr().out
    assert re.search(
        r"margin 0\.3 points.*: x compare\.margin=0\.3 'seed=range\(\d+\)'$", told, re.S
    )


@pytest.mark.slow
def test_no_seeds_are_counted_where_nothing_is_to_be_told_apart(runs, crossed, search):
    for jobs in (crossed, search):
        with pytest.raises(InputError, match="no two variants to tell apart; spread=X"):
            power.main([parent(runs, jobs[0]), *runs.words])


@pytest.mark.slow
def test_an_archive_holds_the_spread_and_none_is_made_of_a_search(runs, crossed, search, tmp_path):
    file = tmp_path / "spread.zip"
    export.main([*runs.words, f"out={file}", f"sweep={parent(runs, crossed[0])}"])
    with zipfile.ZipFile(file) as archive:
        assert "initialisation" in archive.read("report/variance.csv").decode()
        assert COMMAND in archive.read("README.md").decode()
    with pytest.raises(InputError, match="sweeper decided on them as it went"):
        export.main([*runs.words, f"out={tmp_path}/no.zip", f"sweep={parent(runs, search[0])}"])
    assert not (tmp_path / "no.zip").exists()
