"""Models of runs whose tracking server is away, by what lies on this machine."""

import json
import re
from pathlib import Path

import pytest
import torch

from src import command_line, export
from src.compare import __main__ as compare
from src.config import resolvers
from src.crate import archive
from src.errors import InputError
from src.inference import choice
from src.tracking import mlflow_sink, run_source
from src.tracking.job_record import fold
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings

NAMES = ["model=softmax seed=0", "model=mlp seed=1", "model=mlp seed=2"]


@pytest.fixture
def away(closed_port, runs, tmp_path, monkeypatch) -> list[str]:
    """Options that name a server which is down; a sweep of it lies in outputs."""
    monkeypatch.setattr(run_source, "ROOT", tmp_path)
    monkeypatch.setattr(resolvers, "ROOT", tmp_path)
    tracking = {"uri": f"http://127.0.0.1:{closed_port}", "experiment": "e", "artifacts": ""}
    sweep = Journal(tmp_path / "outputs" / "sweeps" / "first")
    own = {"kind": "sweep", "job": "s", "command": "python -m src.train -m model=softmax,mlp"}
    sweep.begin(name="a sweep", tags=own, tracking=tracking)
    for number, (model, error) in enumerate([("softmax", 0.2), ("mlp", 0.1), ("mlp", 0.3)]):
        _, (made,) = runs.sweep(((f"model={model}", f"seed={number}"), error))
        info = runs.store.client.get_run(made)
        folder = sweep.folder / str(number)
        tags = {"job": f"j{number}", "sweep": "s", "number": str(number)}
        tags |= {"variant": model, "outcome": "finished"}
        job = Journal(folder)
        name, params = f"model={model} seed={number}", dict(info.data.params)
        job.begin(name=name, tags=tags, params=params, tracking=tracking)
        (folder / "artifacts").mkdir()
        runs.store.client.download_artifacts(made, "", str(folder / "artifacts"))
        losses = {"train/loss": 1.0, "val/loss": 1.0, "train/error": error, "val/error": error}
        job.append("metrics", step=1, values=losses)
        job.append("final", step=1, values={"best/val_error": error, "best/epoch": 1})
        job.append("end", status="FINISHED", tags={})
    return [f"tracking.uri={tracking['uri']}", "tracking.experiment=e"]


def words(*arguments: str) -> command_line.Words:
    return command_line.parse(arguments, ("run", "sweep", "model"), ("--ensemble",))


@pytest.mark.slow
def test_the_journals_serve_while_the_server_is_away(away, capsys):
    assert choice.choose(words(*away)).name == "model=mlp"
    assert choice.choose(words(*away, "run=j0")).name == "model=softmax"
    alone = choice.choose(words(*away, "sweep=last"), is_ensemble=True)
    assert len(alone.members) == 1
    assert "averaged" not in alone.name
    both = choice.choose(words(*away, "run=j2"), is_ensemble=True)
    assert len(both.members) == 2
    names = [model.name for model in choice.best_of_variants(words(*away), 6)]
    assert names == ["model=mlp", "model=softmax"]
    assert re.search(
        r"^warning: tracking.uri=.*\. The journals on this machine are used\.$",
        capsys.readouterr().err,
        re.MULTILINE,
    )


def test_a_reused_run_is_its_source_under_its_own_name(away, tmp_path):
    source = fold(Journal(tmp_path / "outputs" / "sweeps" / "first" / "1"))
    tags = {**source.tags, "job": "j3", "reused_from": "j1"}
    reused = Journal(tmp_path / "outputs" / "sweeps" / "first" / "3")
    tracking = {"uri": source.destination.uri, "experiment": "e", "artifacts": ""}
    reused.begin(name="again", tags=tags, params=dict(source.params), tracking=tracking)
    reused.append("final", step=1, values={"best/val_error": 0.1})
    reused.append("end", status="FINISHED", tags={})
    model = choice.choose(words(*away, "run=j3"))
    assert model.name == "again"
    blank, expected = torch.zeros(1, 1, 28, 28), choice.choose(words(*away, "run=j1"))
    assert torch.equal(model.probabilities(blank), expected.probabilities(blank))


@pytest.mark.slow
def test_a_sweep_in_a_folder_of_its_users_choice_is_found(away, tmp_path):
    (tmp_path / "outputs" / "sweeps" / "first").rename(tmp_path / "chosen")
    with pytest.raises(InputError, match=r"^tracking.uri=http"):
        choice.choose(words(*away))
    settings = fold(Journal(tmp_path / "chosen")).destination
    index = ResultIndex(tmp_path / "outputs" / "results", tmp_path, settings)
    index.add("f" * 16, Journal(tmp_path / "chosen" / "0"))
    assert choice.choose(words(*away)).name == "model=mlp"  # of another job than the one known


@pytest.mark.slow  # the report's figures
def test_a_sweep_that_goes_on_and_runs_are_compared_by_their_journals(
    away, tmp_path, monkeypatch, capsys
):
    from src.answers import again

    monkeypatch.setattr(again, "ROOT", tmp_path)
    for arguments in ([], ["s"], ["j0", "j2"]):
        compare.main([*away, "--json", *arguments])
        told = capsys.readouterr()
        (pair,) = json.loads(told.out)["pairs"]
        assert pair["verdict"] == "undecided"
        report = re.search(r"^Report: (.*)$", told.err, re.MULTILINE)[1]
        assert Path(report).is_relative_to(tmp_path)
        assert Path(report).exists()
    with pytest.raises(InputError, match=r"^j9: no journal of it lies on this machine$"):
        compare.main([*away, "j9"])


@pytest.mark.slow  # the report's figures
def test_the_answer_of_an_outage_is_kept_and_sent_later(away, runs, tmp_path, capsys):
    sweep = Journal(tmp_path / "outputs" / "sweeps" / "first")
    sweep.append("end", status="FINISHED", tags={})
    compare.main(away)
    told = capsys.readouterr()
    assert "the tracking server misses a part of this sweep" in told.err
    page = sweep.folder / "artifacts" / "comparison" / "report.html"
    assert f"Report: {page}\n" in told.out
    verdict = fold(sweep).tags["comparison.verdict"]
    assert verdict.startswith("Undecided")
    assert len(list((tmp_path / "outputs" / "results").glob("s.open"))) == 1  # for the next sweep
    mlflow_sink.send(sweep, lambda: runs.store)
    run = runs.store.client.get_run(fold(sweep).run_id)
    assert (run.info.status, run.data.tags["comparison.verdict"]) == ("FINISHED", verdict)
    assert not page.exists()
    assert [file.path for file in runs.store.client.list_artifacts(run.info.run_id)]


def test_what_lies_here_is_asked_of_no_server(away, monkeypatch):
    def refuse(_) -> None:
        raise AssertionError("the server was asked")

    monkeypatch.setattr(TrackingSettings, "open", refuse)
    source = run_source.RunSource(words(*away).tracking)
    assert [run.name for run in source.sweep(None).records] == NAMES
    assert source.sweep("s").own.job_id == "s"
    assert len(source.siblings(source.run("j2"))) == 2
    assert source.fetch(source.run("j0"), "config.yaml", Path("nowhere")).is_file()


@pytest.mark.slow
def test_what_does_not_lie_here_is_asked_of_the_server(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_source, "ROOT", tmp_path)
    monkeypatch.setattr(resolvers, "ROOT", tmp_path)
    sweep, jobs = runs.sweep((("model=softmax",), 0.2), (("model=softmax", "seed=1"), 0.3))
    assert runs.source.sweep(None).sweep_id == sweep
    own = Journal(tmp_path / "outputs" / "first")
    own.begin(name="here", tags={"kind": "sweep", "job": "s"}, tracking=vars(runs.source.tracking))
    source = runs.source
    assert [each.sweep_id for each in map(source.find, ("last", sweep))] == ["s", sweep]
    job = runs.store.client.get_run(jobs[0]).data.tags["job"]
    assert source.run(job).run_id == jobs[0]
    assert {run.run_id for run in source.siblings(source.run(jobs[1]))} == {*jobs}


def test_jobs_of_a_sweep_that_left_no_journal_here_are_asked_of_the_server(
    runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_source, "ROOT", tmp_path)
    sweep, jobs = runs.sweep((("model=softmax",), 0.2), (("model=mlp",), 0.3))
    own = Journal(tmp_path / "outputs" / "first")
    tags = {"kind": "sweep", "job": "s", "jobs": "2"}
    own.begin(name="here", tags=tags, tracking=vars(runs.source.tracking))
    own.mark_sent(1, sweep)
    assert [run.run_id for run in runs.source.sweep("s").records] == jobs


@pytest.mark.slow  # the report's figures
def test_a_sweep_is_handed_over_by_its_journals(away, tmp_path, capsys):
    export.main([*away, f"out={tmp_path}/result.zip"])
    assert "3 jobs" in capsys.readouterr().out
    found = archive.read(tmp_path / "result.zip")
    assert {"report/report.html", *(f"configs/{n}.yaml" for n in range(3))} <= found.keys()
    (tmp_path / "outputs" / "sweeps" / "first" / "1" / "artifacts" / "config.yaml").unlink()
    export.main([*away, f"out={tmp_path}/result.zip"])
    assert "without config files of 1 jobs, which their server keeps" in capsys.readouterr().out
    read_me = archive.read(tmp_path / "result.zip")["README.md"].decode()
    assert "the resolved config of each job that trained, but for 1 whose server" in read_me


@pytest.mark.slow
def test_what_lies_nowhere_is_told(away):
    with pytest.raises(InputError, match=r"^run=j9: no journal of it lies on this machine$"):
        choice.choose(words(*away, "run=j9"))
    with pytest.raises(InputError, match=r"^tracking.uri=http"):
        choice.choose(words(away[0], "tracking.experiment=another"))
