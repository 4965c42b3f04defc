"""Journals on their way to a tracking server, against a real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from mlflow import MlflowClient

from src import sync
from src.errors import InputError
from src.tracking.journal import Journal
from src.tracking.sender import destination, open_store, send, send_all


@pytest.fixture
def store(workplace):
    return open_store({"uri": workplace.uri, "experiment": workplace.experiment, "artifacts": ""})


@pytest.fixture
def journal(workplace):
    """A finished job's."""

    def make(name: str, **start) -> Journal:
        made = Journal(workplace.folder / name)
        tags = {"job": name, "machine": "elsewhere"}
        where = {"uri": workplace.uri, "experiment": workplace.experiment, "artifacts": ""}
        opening = {"name": name, "tags": tags, "params": {"seed": "0"}, "tracking": where}
        made.append("start", **opening | start)
        made.append("metrics", step=1, values={"val/error": 0.25})
        made.append("end", status="FINISHED", tags={"outcome": "finished"})
        return made

    return make


@pytest.fixture
def refused(workplace, store, journal):
    """A journal whose run was deleted in MLflow's UI before its last event."""
    made = journal("a")
    send(made, lambda: store)
    MlflowClient(workplace.uri).delete_run(made.sent.run_id)
    made.append("metrics", step=2, values={"val/error": 0.125})
    return made


def test_a_journal_that_two_send_at_once_becomes_one_run(workplace, store, journal):
    made = journal("a")
    both = Barrier(2)

    def connect():
        both.wait()  # both have seen that there is something to send
        return store

    with ThreadPoolExecutor() as pool:
        events = pool.map(send, [made] * 2, [connect] * 2)
    assert sorted(events) == [0, 3]
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]
    assert not list(made.folder.glob("*.lock"))


def test_what_the_server_refuses_keeps_nothing_else_back(workplace, store, refused, journal):
    other = journal("b")
    error = send_all([refused, other], lambda: store, seconds=0.5)
    assert "active" in str(error)
    assert refused.has_unsent
    assert not other.has_unsent
    assert [run.info.run_name for run in workplace.runs()] == ["b"]


def test_sync_sends_what_it_can_and_names_the_rest(workplace, refused, journal, capsys):
    other = journal("b")
    with pytest.raises(InputError, match=r"^1 jobs could not be sent$"):
        sync.main([str(workplace.folder)])
    printed = capsys.readouterr()
    assert printed.out == f"{other.folder}: 3 events sent\n1 jobs had something to send\n"
    assert printed.err.startswith(f"{refused.folder}: cannot be sent: ")
    assert printed.err.count("\n") == 1


def test_a_run_whose_making_was_cut_off_gets_its_dataset(workplace, store, journal):
    made = journal("a", dataset={"name": "digits", "digest": "abc"})
    store.client.create_run(store.experiment_id, tags={"job": "a"})
    made.mark_sent(0, None)  # of which nobody was told
    send(made, lambda: store)
    (run,) = workplace.runs()
    assert [entry.dataset.digest for entry in run.inputs.dataset_inputs] == ["abc"]


def test_sync_sends_each_where_its_command_said_unless_it_is_told_otherwise(
    workplace, journal, closed_port, capsys
):
    down = {"uri": f"http://127.0.0.1:{closed_port}", "experiment": "x", "artifacts": ""}
    stranded, other = journal("a", tracking=down), journal("b")
    with pytest.raises(InputError, match=r"^1 jobs could not be sent$"):
        sync.main([str(workplace.folder)])
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{other.folder}: 3 events sent\n")
    assert printed.err.startswith(f"tracking.uri={down['uri']}: cannot be used: ")
    assert printed.err.count("\n") == 1
    own = [override for override in workplace.overrides if override.startswith("tracking.")]
    sync.main([str(workplace.folder), *own])
    assert not stranded.has_unsent
    assert sorted(run.info.run_name for run in workplace.runs()) == ["a", "b"]


def test_a_journal_says_where_it_is_to_go_without_the_password():
    kept = destination({"uri": "http://user:pw@host:5000/x", "experiment": "e", "artifacts": "a"})
    assert kept == {"uri": "http://host:5000/x", "experiment": "e", "artifacts": "a"}


def test_sync_says_how_it_is_used(capsys):
    sync.main(["--help"])
    assert "`python -m src.sync [FOLDER …]`" in capsys.readouterr().out
