"""Journals on their way to a tracking server, against a real database."""

import logging
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Barrier, Event, Semaphore
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient

from src import sync
from src.errors import InputError
from src.folders import ROOT
from src.messages.addresses import database_path
from src.tracking import embedded
from src.tracking import store as tracking_store
from src.tracking.journal import Journal
from src.tracking.mlflow_sink import send
from src.tracking.settings import TrackingSettings
from src.tracking.uploader import Uploader, upload


@pytest.fixture
def tracking(workplace) -> TrackingSettings:
    artifacts = f"{workplace.folder}/artifacts"
    return TrackingSettings(workplace.uri, workplace.experiment, artifacts)


@pytest.fixture
def store(tracking):
    return tracking.connect()


@pytest.fixture
def journal(workplace, tracking):
    """A finished job's."""

    def make(name: str, **start) -> Journal:
        made = Journal(workplace.folder / name)
        tags = {"job": name, "machine": "elsewhere"}
        opening = {"name": name, "tags": tags, "params": {"seed": "0"}, "tracking": vars(tracking)}
        made.append("start", **opening | start)
        made.append("metrics", step=1, values={"val/error": 0.25})
        made.append("end", status="FINISHED", tags={"outcome": "finished"})
        return made

    return make


@pytest.fixture
def refused(workplace, store, journal):
    """A journal with a metric's name that MLflow takes from nobody."""
    made = journal("a")
    send(made, lambda: store)
    made.append("metrics", step=2, values={"val|error": 0.125})
    return made


@pytest.mark.parametrize("is_collected", [False, True])
def test_nothing_more_is_sent_to_a_run_that_was_deleted(
    is_collected, workplace, store, journal, caplog, capsys
):
    caplog.set_level(logging.WARNING)
    made, other = journal("a"), journal("b")
    send(made, lambda: store)
    run_id = made.sent.run_id
    store.client.delete_run(run_id)
    if is_collected:  # as `mlflow gc` does
        store.client._tracking_client.store._hard_delete_run(run_id)
    made.append("metrics", step=2, values={"val/error": 0.125})
    sync.main([str(workplace.folder)])
    assert not other.has_unsent
    assert f"{made.folder}: its run {run_id} was deleted at {workplace.uri}" in caplog.text
    caplog.clear()
    capsys.readouterr()
    made.append("end", status="FINISHED", tags={})
    sync.main([str(workplace.folder)])
    assert (capsys.readouterr().out, caplog.text) == ("0 jobs had something to send\n", "")
    assert made.sent.run_id == run_id


def test_of_failures_in_a_row_the_first_is_told(journal, caplog, monkeypatch):
    monkeypatch.setattr("src.tracking.uploader.FLUSH_INTERVAL", 0.001)
    tries = Semaphore(0)

    def refuse():
        tries.release()
        raise InputError("database is locked")

    made = journal("a")
    uploader = Uploader(lambda: [made], refuse)
    for _ in range(5):
        tries.acquire()
    uploader.flush(seconds=0.0)
    uploader.stop()
    (told,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "database is locked; it is tried again" in told.getMessage()
    assert told.exc_info is None


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
    uploader = Uploader(lambda: [refused, other], lambda: store)
    assert "val|error" in str(uploader.flush(seconds=0.0))
    uploader.stop()
    assert refused.has_unsent
    assert not other.has_unsent
    assert {run.info.run_name for run in workplace.runs()} == {"a", "b"}


def test_an_uploader_sends_what_is_written_while_it_runs(workplace, store, tmp_path):
    journal = Journal(tmp_path / "job")
    uploader = Uploader(lambda: [journal], lambda: store)
    assert uploader.flush() is None, "there is nothing yet"
    journal.begin(name="a", tags={"job": "a"})
    assert uploader.flush() is None
    assert [run.info.status for run in workplace.runs()] == ["RUNNING"]
    journal.append("end", status="FINISHED", tags={})
    assert uploader.flush() is None
    uploader.stop()
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]


def test_a_server_that_does_not_answer_in_time_is_not_waited_for(journal, monkeypatch):
    monkeypatch.setattr("src.tracking.uploader.FLUSH_INTERVAL", 0.01)
    asked, answer = Event(), Event()

    def hang():
        asked.set()
        answer.wait()
        raise OSError("away")

    made = journal("a")
    uploader = Uploader(lambda: [made], hang)
    asked.wait()
    assert isinstance(uploader.flush(0.0, wait=0.01), TimeoutError)
    answer.set()
    uploader.stop()
    assert not uploader.thread.is_alive()


def test_after_an_error_that_took_long_nothing_more_is_tried(journal, monkeypatch):
    monkeypatch.setattr("src.tracking.uploader.FLUSH_INTERVAL", 0.0)  # what fails took too long
    tries = []

    def hang():
        tries.append("a try")
        raise InputError("no answer")

    assert isinstance(upload([journal("a"), journal("b")], hang), InputError)
    assert tries == ["a try"]


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
    made.mark_sent(0, None)  # the process was killed before it knew of the run
    send(made, lambda: store)
    (run,) = workplace.runs()
    assert [entry.dataset.digest for entry in run.inputs.dataset_inputs] == ["abc"]


def test_a_mark_that_a_power_cut_took_makes_no_second_run(workplace, store, journal):
    made = journal("a")
    send(made, lambda: store)
    made.mark_sent(0, None)  # as it was before the delivery
    send(made, lambda: store)
    assert not made.has_unsent
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    (metric,) = store.client.get_metric_history(run.info.run_id, "val/error")
    assert (metric.step, metric.value) == (1, 0.25)


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
    settings = TrackingSettings("http://user:pw@host:5000/x", "e", "a")
    assert settings.public == TrackingSettings("http://host:5000/x", "e", "a")
    assert settings.is_same_experiment(settings.public)
    assert not settings.is_same_experiment(TrackingSettings("http://host:5000/x", "other", "a"))


@pytest.mark.parametrize("usage", ["src.sync [FOLDER …]", "src.compare [RUN_ID …] [key=value …]"])
def test_commands_say_how_they_are_used(usage):
    command = [sys.executable, "-m", usage.partition(" ")[0], "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"`python -m {usage}`" in told.stdout


def test_what_goes_to_a_deleted_experiment_waits_and_is_no_failure(
    workplace, tracking, journal, capsys
):
    client = MlflowClient(workplace.uri)
    name = f"{workplace.experiment}-deleted"
    client.delete_experiment(client.create_experiment(name))
    waiting, other = journal("a", tracking=vars(replace(tracking, experiment=name))), journal("b")
    sync.main([str(workplace.folder)])
    printed = capsys.readouterr()
    assert not other.has_unsent
    assert printed.err.startswith(f"tracking.experiment={name}: must be another; ")
    sync.main([str(waiting.folder), f"tracking.experiment={workplace.experiment}"])
    assert not waiting.has_unsent


def test_a_journal_that_can_be_read_alone_is_left_to_its_owner(
    workplace, journal, monkeypatch, caplog, capsys
):
    caplog.set_level(logging.WARNING)
    hers, own = journal("a"), journal("b")
    monkeypatch.setattr(os, "access", lambda path, mode: path != hers.folder)
    sync.main([str(workplace.folder)])
    assert not own.has_unsent
    assert hers.has_unsent
    assert caplog.messages == [f"{hers.folder}: left to its owner; it cannot be written to"]
    assert capsys.readouterr().out.endswith("1 jobs had something to send\n")


def test_metrics_and_the_end_arrive_where_files_cannot(workplace, store):
    journal = Journal(workplace.folder / "a")
    journal.append("start", name="a", tags={"job": "a"}, params={})
    journal.append("metrics", step=1, values={"val/error": 0.25})
    weights = journal.folder / "artifacts" / "model.pt"
    weights.parent.mkdir()
    weights.write_text("weights")
    journal.append_files([weights])
    journal.append("end", status="FINISHED", tags={"outcome": "finished"})
    (workplace.folder / "artifacts").write_text("in their way")
    with pytest.raises(OSError, match="artifacts"):
        send(journal, lambda: store)
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"val/error": 0.25}
    (workplace.folder / "artifacts").unlink()
    send(journal, lambda: store)
    kept = MlflowClient(workplace.uri).list_artifacts(run.info.run_id)
    assert [file.path for file in kept] == ["model.pt"]
    assert len(workplace.runs()) == 1


def test_a_database_that_refuses_is_told_without_asking_again(closed_port, monkeypatch):
    pytest.importorskip("psycopg")
    waits = []
    monkeypatch.setattr("mlflow.store.db.utils.time.sleep", waits.append)
    with pytest.raises(InputError, match="onnection refused"):
        tracking_store.connect(
            f"postgresql+psycopg://me:pw@127.0.0.1:{closed_port}/x", "any", "here"
        )
    assert waits == []


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3://bucket/x", r"needs `pip install -e \"\.\[s3\]\"`"),
        ("gs://bucket/x", "(import of google.cloud halted|No module named 'google)"),
        ("nope://x", "Could not find a registered artifact repository"),
    ],
)
def test_a_store_of_artifacts_that_cannot_be_used_is_told_before_it_is(
    workplace, place, said, monkeypatch
):
    for module in ("boto3", "google.cloud"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(InputError, match=f"^tracking.artifacts={place}: {said}"):
        TrackingSettings(workplace.uri, workplace.experiment, place).connect()


def test_a_name_longer_than_mlflows_tables_take_is_cut(workplace, store, journal):
    made = journal("job")
    made.append("start", name="lr=0." + "1" * 400, tags={"job": "job"})
    send(made, lambda: store)
    (run,) = workplace.runs()
    assert len(run.info.run_name) == 250
    assert run.info.run_name.endswith("1…")


@pytest.mark.parametrize("revision", ["ffffffffffff", "451aebb31d03"])
def test_a_database_of_a_newer_or_an_older_mlflow_is_one_line(workplace, store, revision):
    copy = workplace.folder / "other.db"
    # Not shutil.copy: closing the file would drop the locks that this process has on it, and the
    # next process would remove a log in use (https://sqlite.org/howtocorrupt.html).
    with closing(sqlite3.connect(database_path(workplace.uri))) as own:
        own.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    other = TrackingSettings(f"sqlite:///{copy}", "fairsweep", f"{workplace.folder}/artifacts")
    said = f"^tracking.uri=sqlite:///{copy}: is of another MLflow, schema {revision} instead of "
    with pytest.raises(InputError, match=said) as refusal:
        other.connect()
    assert "\n" not in str(refusal.value)


def test_a_deleted_experiment_is_named(workplace, tracking):
    client = MlflowClient(workplace.uri)
    client.delete_experiment(client.create_experiment(f"{workplace.experiment}-deleted"))
    gone = TrackingSettings(workplace.uri, f"{workplace.experiment}-deleted", "")
    with pytest.raises(InputError, match=r"tracking.experiment=\S+-deleted: must be another; "):
        gone.connect()


@pytest.mark.slow  # makes MLflow's tables
def test_a_database_is_made_by_releases_of_mlflow_with_other_functions(
    fresh_workplace, monkeypatch
):
    monkeypatch.setattr(embedded, "db", SimpleNamespace())
    artifacts = str(fresh_workplace.folder / "artifacts")
    made = tracking_store.connect(fresh_workplace.uri, "other", artifacts)
    assert made.client.get_experiment_by_name("other").experiment_id == made.experiment_id


@pytest.mark.slow
def test_a_database_whose_making_was_cut_off_is_made_again(fresh_workplace, monkeypatch):
    def cut_off(engine):
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE _alembic_tmp_jobs (half INTEGER)")
        raise OSError("cut off")

    settings = (fresh_workplace.uri, "fairsweep", f"{fresh_workplace.folder}/artifacts")
    with monkeypatch.context() as patched:
        patched.setattr("mlflow.store.db.utils._initialize_tables", cut_off)
        with pytest.raises(InputError, match="cut off"):
            tracking_store.connect(*settings)
    assert tracking_store.connect(*settings).experiment_id
    left = {path.name for path in fresh_workplace.folder.glob("*mlflow.db*")}
    assert left <= {f"mlflow.db{end}" for end in ("", ".lock", "-wal", "-shm")}


class TestJobsOfASweep:
    @pytest.fixture
    def sweep(self, workplace) -> Journal:
        journal = Journal(workplace.folder / "sweep")
        journal.begin(name="sweep", tags={"job": "0123456789abcdef", "kind": "sweep"})
        return journal

    @pytest.fixture
    def job(self, sweep) -> Journal:
        journal = Journal(sweep.folder / "deep" / "0")
        journal.begin(name="a", tags={"job": "fedcba9876543210", "sweep": "0123456789abcdef"})
        return journal

    def test_they_lie_below_its_run(self, sweep, job, store, workplace):
        for journal in (sweep, job):
            send(journal, lambda: store)
        run = store.client.get_run(job.sent.run_id)
        assert run.data.tags["mlflow.parentRunId"] == sweep.sent.run_id

    def test_they_find_its_run_at_the_server_when_its_journal_is_elsewhere(
        self, sweep, job, store, tmp_path
    ):
        send(sweep, lambda: store)
        alone = Journal(tmp_path / "alone")
        alone.extend(*job.events())
        send(alone, lambda: store)
        run = store.client.get_run(alone.sent.run_id)
        assert run.data.tags["mlflow.parentRunId"] == sweep.sent.run_id

    def test_none_is_made_before_it(self, job, store, workplace):
        with pytest.raises(LookupError, match="not there yet"):
            send(job, lambda: store)
        assert job.has_unsent
        assert workplace.runs() == []

    def test_they_are_sent_without_it_where_its_start_is_damaged(self, sweep, job, store, caplog):
        damaged = sweep.path.read_bytes().replace(b'"event"', b'"evnt"', 1)
        sweep.path.write_bytes(damaged)
        send(job, lambda: store)
        run = store.client.get_run(job.sent.run_id)
        assert "mlflow.parentRunId" not in run.data.tags
        assert f"{sweep.path}: its start is damaged" in caplog.text

    def test_trials_of_a_damaged_search_lie_below_the_sweep(self, sweep, store):
        search, trial = (Journal(sweep.folder / place) for place in ("searches/0", "0"))
        above = {"sweep": "0123456789abcdef"}
        search.begin(name="search", tags={"job": "p", "kind": "search", **above})
        trial.begin(name="a", tags={"job": "t", "parent": "p", **above})
        send(sweep, lambda: store)
        (sweep.folder / "searches" / "1").mkdir()  # whose journal is to be written
        with pytest.raises(LookupError, match="not there yet"):
            send(trial, lambda: store)
        search.path.write_bytes(search.path.read_bytes().replace(b'"event"', b'"evnt"', 1))
        send(trial, lambda: store)
        run = store.client.get_run(trial.sent.run_id)
        assert run.data.tags["mlflow.parentRunId"] == sweep.sent.run_id

    def test_the_source_of_a_result_is_named_by_its_run(self, sweep, job, store):
        reused = Journal(sweep.folder / "1")
        tags = {"job": "b", "sweep": "0123456789abcdef", "reused_from": "fedcba9876543210"}
        reused.begin(name="b", tags=tags)
        for journal in (sweep, job, reused):
            send(journal, lambda: store)
        run = store.client.get_run(reused.sent.run_id)
        assert run.data.tags["reused_from"] == job.sent.run_id


def test_a_journal_above_that_cannot_be_read_is_passed_over(store, workplace):
    sweep = store.client.create_run(store.experiment_id, tags={"job": "s"}).info.run_id
    (workplace.folder / "journal.jsonl").mkdir()  # cannot be read, not even by root
    made = Journal(workplace.folder / "job")
    made.begin(name="a", tags={"job": "a", "sweep": "s", "number": "0"})
    send(made, lambda: store)
    assert store.client.get_run(made.sent.run_id).data.tags["mlflow.parentRunId"] == sweep
