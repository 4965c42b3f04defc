"""A sweep's process that talks to the tracking server for its jobs, against a real database."""

from functools import partial
from multiprocessing import AuthenticationError, current_process
from multiprocessing.connection import Client

import pytest
from mlflow import MlflowClient
from until import until

from src.errors import InputError
from src.tracking.journal import Journal
from src.tracking.relay import Relay, Relayed
from src.tracking.sender import open_store

KEY = bytes(current_process().authkey)


@pytest.fixture
def connect(workplace):
    tracking = {"uri": workplace.uri, "experiment": workplace.experiment}
    return partial(open_store, tracking | {"artifacts": f"{workplace.folder}/artifacts"})


@pytest.fixture
def relay(workplace, connect):
    relay = Relay(workplace.folder, connect, KEY)
    yield relay
    relay.close()


def job(workplace, relay, name: str, sweep: str = "") -> Relayed:
    """A job that has begun."""
    relayed = Relayed(Journal(workplace.folder / name), relay.address)
    tags = {"job": name, "fingerprint": f"print of {name}"}
    if sweep:
        tags["mlflow.parentRunId"] = sweep
    relayed.append("start", name=name, tags=tags, params={"seed": "0"})
    return relayed


def finish(relayed: Relayed, error: float) -> None:
    relayed.append("metrics", step=1, values={"train/loss": 1.0, "val/error": error})
    relayed.append("final", step=1, values={"best/val_error": error})
    relayed.append("end", status="FINISHED", tags={"outcome": "finished"})


def test_what_jobs_write_arrives_as_they_write_it(workplace, relay):
    first, second = (job(workplace, relay, name) for name in ("a", "b"))
    until(lambda: len(workplace.runs()) == 2)
    assert [run.info.status for run in workplace.runs()] == ["RUNNING"] * 2
    finish(first, 0.25)
    finish(second, 0.5)
    until(lambda: all(run.info.status == "FINISHED" for run in workplace.runs()))
    errors = {run.info.run_name: run.data.metrics["val/error"] for run in workplace.runs()}
    assert errors == {"a": 0.25, "b": 0.5}


def test_a_job_finds_what_another_of_its_sweep_has_just_finished(workplace, relay):
    first = job(workplace, relay, "a")
    assert first.find("print of a") is None
    finish(first, 0.25)
    found = first.find("print of a")  # although nothing may have been sent yet
    (run,) = workplace.runs()
    assert (found.run_id, found.outcome) == (run.info.run_id, "finished")
    assert found.summary == {"best/val_error": 0.25}
    assert [epoch.val_error for epoch in found.epochs] == [0.25]


def test_one_job_of_an_earlier_sweep_brings_the_others_without_another_query(
    workplace, relay, connect
):
    earlier = {name: job(workplace, relay, name, sweep="earlier") for name in ("a", "b", "c")}
    for name in ("a", "b"):
        finish(earlier[name], 0.25)
    until(lambda: sum(run.info.status == "FINISHED" for run in workplace.runs()) == 2)
    later = Relay(workplace.folder / "later", connect, KEY)
    asking = Relayed(Journal(workplace.folder / "later" / "0"), later.address)
    assert asking.find("print of a")
    later.open_store = None  # no query could be made with this
    assert asking.find("print of b").summary == {"best/val_error": 0.25}
    assert "print of c" not in later.found
    later.close()


def test_a_database_whose_making_was_cut_off_is_made_again(fresh_workplace, monkeypatch):
    from src.tracking import client

    def cut_off(engine):
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE _alembic_tmp_jobs (half INTEGER)")
        raise OSError("cut off")

    settings = (fresh_workplace.uri, "fairsweep", f"{fresh_workplace.folder}/artifacts")
    with monkeypatch.context() as patched:
        patched.setattr(client.db, "_initialize_tables", cut_off)
        with pytest.raises(InputError, match="cut off"):
            client.connect(*settings)
    assert client.connect(*settings).experiment_id
    left = {path.name for path in fresh_workplace.folder.glob("mlflow.db*")}
    assert left <= {f"mlflow.db{end}" for end in ("", ".lock", "-wal", "-shm")}


def test_strangers_are_refused_and_jobs_still_answered(workplace, relay):
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            Client(relay.address, authkey=b"guessed")
    assert job(workplace, relay, "a").find("nothing") is None
    assert relay.asked == {"nothing"}


def test_a_job_ends_when_its_result_has_arrived_whatever_became_of_others(workplace, relay):
    refused, other = (job(workplace, relay, name) for name in ("a", "b"))
    until(lambda: refused.journal.sent.run_id and not other.journal.has_unsent)
    MlflowClient(workplace.uri).delete_run(refused.journal.sent.run_id)
    for relayed in (refused, other):
        finish(relayed, 0.25)
        relayed.close()
    assert refused.journal.has_unsent
    assert not other.journal.has_unsent
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]


def test_an_error_while_it_looks_for_one_job_leaves_the_others_their_answers(workplace, relay):
    relay.open_store = lambda: {}["no such thing"]
    first, second = (job(workplace, relay, name) for name in ("a", "b"))
    assert first.find("print of a") is None
    assert second.find("print of b") is None
    assert relay.asked == {"print of a", "print of b"}


def test_a_job_whose_sweep_is_gone_finds_nothing(workplace, relay):
    asking = job(workplace, relay, "a")
    relay.close()
    assert asking.find("print of a") is None


def test_what_a_server_did_not_take_is_still_unsent_when_the_relay_closes(workplace, closed_port):
    tracking = {"uri": f"http://127.0.0.1:{closed_port}", "experiment": "x", "artifacts": ""}
    relay = Relay(workplace.folder, partial(open_store, tracking), KEY)
    relayed = job(workplace, relay, "a")
    assert relayed.find("print of a") is None
    finish(relayed, 0.25)
    relay.close()
    assert relayed.journal.has_unsent
    assert len(list(relayed.journal.events())) == 4


def test_runs_are_those_that_a_job_of_its_own_would_have_made(workplace, relay, connect):
    from src.tracking.sender import Sender

    own = Sender(Journal(workplace.folder / "elsewhere" / "b"), connect)
    own.append("start", name="b", tags={"job": "b", "fingerprint": "print of b"}, params={})
    finish(own, 0.25)
    own.close()
    finish(job(workplace, relay, "a"), 0.25)
    until(lambda: sum(run.info.status == "FINISHED" for run in workplace.runs()) == 2)
    client = MlflowClient(workplace.uri)
    histories = [
        [(m.key, m.step, m.value) for m in client.get_metric_history(run.info.run_id, "val/error")]
        for run in workplace.runs()
    ]
    assert histories[0] == histories[1] == [("val/error", 1, 0.25)]


def test_jobs_do_not_wait_twice_for_a_server_that_hangs(workplace, relay, monkeypatch):
    monkeypatch.setattr("src.tracking.relay.INTERVAL_SECONDS", 0.0)  # what fails took too long
    tries = []

    def hang():
        tries.append("a try")
        raise InputError("no answer")

    relay.closing.set()  # nobody sends beside the questions
    relay.open_store = hang
    assert relay.find("print of a") is None
    assert relay.find("print of b") is None
    assert tries == ["a try"]


def test_metrics_and_the_end_arrive_where_files_cannot(workplace, connect):
    from src.tracking.sender import send

    journal = Journal(workplace.folder / "a")
    journal.append("start", name="a", tags={"job": "a"}, params={})
    journal.append("metrics", step=1, values={"val/error": 0.25})
    journal.append("files", path="artifacts")
    journal.append("end", status="FINISHED", tags={"outcome": "finished"})
    (journal.folder / "artifacts").mkdir()
    (journal.folder / "artifacts" / "model.pt").write_text("weights")
    (workplace.folder / "artifacts").write_text("in their way")
    with pytest.raises(OSError, match="artifacts"):
        send(journal, connect)
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"val/error": 0.25}
    (workplace.folder / "artifacts").unlink()
    send(journal, connect)
    kept = MlflowClient(workplace.uri).list_artifacts(run.info.run_id)
    assert [file.path for file in kept] == ["model.pt"]
    assert len(workplace.runs()) == 1


def test_a_deleted_experiment_is_named(workplace, connect):
    client = MlflowClient(workplace.uri)
    client.delete_experiment(client.create_experiment(f"{workplace.experiment}-deleted"))
    gone = {"uri": workplace.uri, "experiment": f"{workplace.experiment}-deleted", "artifacts": ""}
    with pytest.raises(InputError, match=r"tracking.experiment=\S+-deleted was deleted there"):
        open_store(gone)
