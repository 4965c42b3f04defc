"""Jobs of processes that are gone, and unsent journals: what a sweep that begins does with them."""

import os
import time
from threading import Event

import pytest

from src.errors import InputError
from src.process import identity
from src.tracking import program
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.upload_service import UploadService, close_abandoned
from src.tracking.uploader import HEARTBEAT, is_accompanied, uploading


@pytest.fixture
def index(workplace) -> ResultIndex:
    artifacts = f"{workplace.folder}/artifacts"
    tracking = TrackingSettings(workplace.uri, workplace.experiment, artifacts)
    return ResultIndex(workplace.folder / "results", workplace.folder / "checkpoints", tracking)


@pytest.fixture
def begun(index, workplace):
    """A journal whose process is gone, noted as open."""

    def make(name: str, machine="", tracking=None, **tags) -> Journal:
        journal = Journal(workplace.folder / name)
        here = identity.machine_id()
        own = {"job": name, "machine": machine or here, "process": "1@0.00@before"}
        where = vars(tracking or index.tracking)
        journal.begin(name=name, tags=own | tags, params={}, tracking=where)
        if "sweep" not in tags:
            index.open(name, journal)
        return journal

    return make


def test_a_sweep_and_its_jobs_are_ended_and_sent(index, begun, workplace):
    begun("sweep", kind="sweep")
    job = begun("sweep/0", sweep="sweep", number="0")
    close_abandoned(index, index.tracking.connect)
    assert fold(job).status == Status.KILLED
    assert [run.info.status for run in workplace.runs()] == ["KILLED"] * 2
    assert list(index.opened()) == []


def test_while_the_server_is_away_they_are_ended_and_kept_for_later(index, begun, workplace):
    def away():
        raise InputError("no answer")

    run = begun("run")
    close_abandoned(index, away)
    assert fold(run).status == Status.KILLED
    assert [name for name, _ in index.opened()] == ["run"]
    close_abandoned(index, index.tracking.connect)
    assert [run.info.status for run in workplace.runs()] == ["KILLED"]
    assert list(index.opened()) == []


def test_a_run_on_another_machine_is_left_alone(index, begun, workplace):
    run = begun("run", machine="another")
    close_abandoned(index, index.tracking.connect)
    assert fold(run).status == Status.RUNNING
    assert workplace.runs() == []
    assert [name for name, _ in index.opened()] == ["run"]


def test_a_journal_that_cannot_be_read_is_left_to_its_owner(index, begun, workplace, caplog):
    unreadable, run = begun("hers"), begun("mine")
    unreadable.path.unlink()
    unreadable.path.mkdir()  # cannot be read either, not even by root
    close_abandoned(index, index.tracking.connect)
    assert fold(run).status == Status.KILLED
    assert [name for name, _ in index.opened()] == ["hers"]
    assert caplog.messages == [f"{unreadable.path}: left as it is: Is a directory"]


def test_what_goes_to_another_experiment_is_ended_and_left_to_sync(index, begun, workplace):
    run = begun("run", tracking=TrackingSettings("http://elsewhere", "e", ""))
    close_abandoned(index, index.tracking.connect)
    assert fold(run).status == Status.KILLED
    assert workplace.runs() == []
    assert [name for name, _ in index.opened()] == ["run"]


def test_a_folder_that_was_removed_is_forgotten(index, begun, workplace):
    begun("run").path.unlink()
    close_abandoned(index, index.tracking.connect)
    assert list(index.opened()) == []


def test_a_damaged_journal_stops_nothing_and_is_told(index, begun, workplace, caplog):
    damaged, other = begun("damaged"), begun("other")
    with damaged.path.open("ab") as file:
        file.write(b"\n[]\n")
    (damaged.folder / "sent.json").write_text("{")
    close_abandoned(index, index.tracking.connect)
    assert [run.info.status for run in workplace.runs()] == ["KILLED"] * 2
    assert fold(other).status == Status.KILLED
    assert "line 2 (no JSON), 3 (no mapping) damaged, left out" in caplog.text
    assert list(index.opened()) == []


def test_a_server_that_has_answered_before_may_be_away(index, begun, closed_port, capsys):
    tracking = TrackingSettings(f"http://127.0.0.1:{closed_port}", "e", "")
    away = ResultIndex(index.folder, index.checkpoints, tracking)
    service = UploadService()
    with pytest.raises(InputError, match="cannot be used"):
        service.connect(away, False)
    earlier = begun("earlier", tracking=tracking, fingerprint="f")
    earlier.append("metrics", step=1, values={"val/error": 0.5})
    earlier.append("final", step=1, values={"best/val_error": 0.5})
    earlier.append("end", status="FINISHED", tags={})
    earlier.mark_sent(4, "run")
    away.add("f", earlier)
    service.connect(away, False)
    assert not service.connection.reach()
    assert "All goes on" in capsys.readouterr().err


def test_what_is_written_at_once_need_not_wait_for_the_next_turn(index, begun, monkeypatch):
    is_sent = Event()
    monkeypatch.setattr("src.tracking.uploader.FLUSH_INTERVAL", 3600.0)
    monkeypatch.setattr("src.tracking.uploader.upload", lambda *_: is_sent.set())
    service = UploadService()
    service.connect(index, False)
    service.watch(begun("sweep", kind="sweep").folder)
    service.send_now()
    assert is_sent.wait(60)
    service.uploader.stop()


@pytest.mark.slow
def test_models_are_made_when_their_imports_are_done(index, begun, monkeypatch):
    order, is_made = [], Event()

    def imports() -> None:
        is_made.wait(0.5)  # which comes first only where nobody waits for the imports
        order.append("imported")

    def make(store, records) -> str:
        order.append("made")
        is_made.set()
        return ""

    monkeypatch.setattr(program, "prepare", imports)
    service = UploadService()
    service.connect(index, False)
    service.watch(begun("run").folder)
    service.prepare_models()
    service.with_runs(make)
    service.uploader.stop()
    assert order == ["imported", "made"]


def test_imports_for_models_begin_with_the_last_job(index, begun, monkeypatch):
    calls = []
    monkeypatch.setattr(program, "prepare", lambda: calls.append("imports"))
    service = UploadService()
    service.connect(index, False)
    service.watch(begun("sweep", kind="sweep").folder, jobs=2)
    begun("sweep/0", sweep="sweep", number="0")
    assert service.uploader.flush() is None
    assert not service.preparation.ident
    begun("sweep/1", sweep="sweep", number="1")
    assert service.uploader.flush() is None
    assert service.preparation.ident
    service.prepare_models()  # asked for again at the end
    service.preparation.join()
    service.uploader.stop()
    assert calls == ["imports"]


def test_a_job_elsewhere_leaves_uploads_to_the_process_beside_its_sweep_while_that_lives(
    index, begun
):
    sweep, job = begun("sweep", kind="sweep"), begun("sweep/0", sweep="sweep", number="0")
    asked = []

    def connect():
        asked.append(job)
        return index.tracking.connect()

    service = UploadService()
    service.connect(index, False)
    service.watch(sweep.folder)
    assert service.uploader.flush() is None
    assert is_accompanied(sweep.folder)
    job.append("metrics", step=1, values={"val/error": 0.25})
    with uploading(job, sweep.folder, connect):
        pass
    assert not asked
    service.end()
    assert not (sweep.folder / HEARTBEAT).exists()
    assert not job.has_unsent
    (sweep.folder / HEARTBEAT).touch()  # of one that was killed
    job.append("metrics", step=2, values={"val/error": 0.25})
    os.utime(sweep.folder / HEARTBEAT, (0, 0))
    with uploading(job, sweep.folder, connect):
        pass
    assert asked
    assert not job.has_unsent


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_of_a_node_does_not_hide_who_sends(tmp_path, monkeypatch, hours):
    heartbeat, now = tmp_path / HEARTBEAT, time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600 * hours)
    heartbeat.touch()
    assert is_accompanied(tmp_path)
    os.utime(heartbeat, (now - 300, now - 300))
    assert not is_accompanied(tmp_path)
