"""The outputs folder as its user finds it: nothing foreign is touched, and all of it can move."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from until import epochs, until

from src.errors import InputError
from src.folders import ROOT
from src.tracking.journal import Journal
from src.tracking.mlflow_sink import send
from src.tracking.store import connect
from tests.conftest import Workplace
from tests.held import held

SMALL = ("data=mnist_5k", "data.n=200", "epochs=1", "model=softmax", "figures=false", "threads=1")


def content(folder: Path) -> dict[str, str]:
    """A digest of each file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def runs_in_copy(database: Path, copy: Path) -> list[str]:
    """The states of the runs that the database's file alone holds."""
    shutil.copy(database, copy)
    with closing(sqlite3.connect(copy)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs")]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_a_directory_that_holds_a_folder_of_that_name_is_refused(mode, workplace):
    for place in (workplace.run_dir, workplace.folder / "sweep"):
        (place / "artifacts").mkdir(parents=True)
        (place / "artifacts" / "thesis.txt").write_text("mine")
    before = content(workplace.folder)
    told = workplace.train(*SMALL, *mode)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "must be a directory of its own; artifacts lies there already" in told.stderr
    assert content(workplace.folder) == before
    assert workplace.runs() == []


def test_only_files_that_the_job_wrote_are_sent_and_removed(workplace):
    store = connect(workplace.uri, workplace.experiment, f"{workplace.folder}/artifacts")
    journal = Journal(workplace.folder / "job")
    journal.begin(name="a", tags={"job": "a"})
    files = journal.folder / "artifacts"
    (files / "figures").mkdir(parents=True)
    for name in ("model.pt", "figures/curves.png"):
        (files / name).write_text("own")
    journal.append_files([files / "model.pt", files / "figures" / "curves.png"])
    for name in ("thesis.txt", "figures/holiday.png"):
        (files / name).write_text("mine")
    send(journal, lambda: store)
    assert content(files).keys() == {"thesis.txt", "figures/holiday.png"}
    (run,) = workplace.runs()
    kept = workplace.folder / "artifacts" / run.info.run_id / "artifacts"
    assert content(kept).keys() == {"model.pt", "figures/curves.png"}


@pytest.mark.slow  # makes MLflow's tables
def test_making_a_database_removes_no_file_with_a_similar_name(fresh_workplace):
    mine = [fresh_workplace.folder / name for name in ("mlflow.db.new", "mlflow.db.newest")]
    for path in mine:
        path.write_text("mine")
    connect(fresh_workplace.uri, "fairsweep", f"{fresh_workplace.folder}/artifacts")
    assert [path.read_text() for path in mine] == ["mine", "mine"]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["seed=0"], ["seed=0,1", "-m"]])
def test_a_copy_of_the_database_file_holds_all_when_the_command_has_ended(
    arguments, fresh_workplace
):
    told = fresh_workplace.train(*SMALL, *arguments)
    assert told.returncode == 0, told.stderr
    states = runs_in_copy(fresh_workplace.folder / "mlflow.db", fresh_workplace.folder / "copy.db")
    assert states == ["FINISHED"] * (3 if "-m" in arguments else 1)


@pytest.mark.slow
def test_a_copy_of_the_database_file_holds_all_after_ctrl_c(fresh_workplace):
    job = fresh_workplace.folder / "sweep" / "0"
    own = held(fresh_workplace.folder / "never", batches=3)
    small = (word for word in SMALL if word != "model=softmax")
    process = fresh_workplace.start(*small, "epochs=2", *own, "-m")
    until(lambda: epochs(job) and Journal(job).sent.run_id, process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    database = fresh_workplace.folder / "mlflow.db"
    assert runs_in_copy(database, fresh_workplace.folder / "copy.db") == ["KILLED"] * 2


@pytest.mark.slow
class TestMovedOutputs:
    @pytest.fixture
    def moved(self, fresh_workplace, tmp_path_factory) -> tuple[Path, Workplace]:
        """Outputs of one run, and the place where they are to be."""
        told = fresh_workplace.train(*SMALL)
        assert told.returncode == 0, told.stderr
        here = tmp_path_factory.mktemp("elsewhere") / "with space"
        return fresh_workplace.folder, Workplace(here, f"sqlite:///{here}/mlflow.db", "fairsweep")

    @staticmethod
    def weights(place: Workplace) -> list[Path]:
        addresses = [f"{run.info.artifact_uri}/model.pt" for run in place.runs()]
        return [Path(unquote(urlparse(address).path)) for address in addresses]

    @pytest.mark.parametrize("how", ["moved", "copied"])
    def test_artifacts_follow_and_the_former_folder_is_left_alone(self, how, moved):
        former, place = moved
        (shutil.move if how == "moved" else shutil.copytree)(former, place.folder)
        before = content(former) if how == "copied" else None
        told = place.train(*SMALL, "seed=1", f"hydra.run.dir={place.folder}/second")
        assert told.returncode == 0, told.stderr
        assert "stay in" not in told.stderr
        assert (content(former) if former.exists() else None) == before
        found = self.weights(place)
        assert len(found) == 2
        assert all(path.is_relative_to(place.folder) and path.exists() for path in found)

    def test_artifacts_that_were_left_behind_are_told_and_still_found(self, moved):
        former, place = moved
        place.folder.mkdir()
        shutil.copy(former / "mlflow.db", place.folder)
        told = place.train(*SMALL, "seed=1")
        assert told.returncode == 0
        line = f"the artifacts of 1 earlier runs stay in {former}/artifacts, outside {place.folder}"
        assert line in told.stderr
        found = self.weights(place)
        assert [path.is_relative_to(place.folder) for path in found] == [True, False]
        assert all(path.exists() for path in found)
        again = place.train(*SMALL, "seed=2", f"hydra.run.dir={place.folder}/third")
        assert "stay in" not in again.stderr

    def test_sync_sends_to_the_database_that_moved_along(self, moved):
        former, place = moved
        journal = Journal(former / "run")
        journal.append("tags", tags={"note": "late"})
        shutil.copytree(former, place.folder)
        before = content(former)
        command = [sys.executable, "-m", "src.sync", str(place.folder)]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert told.stdout.endswith("1 jobs had something to send\n"), told.stderr
        assert content(former) == before
        (run,) = place.runs()
        assert run.data.tags["note"] == "late"


DAMAGE = {
    "a blank line": b"\n",
    "an array": b"[1, 2]\n",
    "a number": b"7\n",
    "half a line": b'{"event": "metrics", "ti\n',
    "no UTF-8": b"\xff\xfe\n",
    "zeros": bytes(40) + b"\n",
    "an unknown kind": b'{"event": "party", "time": 1}\n',
    "a start without a time": b'{"event": "start", "name": "a"}\n',
    "tags in a list": b'{"event": "tags", "time": 1, "tags": [1]}\n',
    "words for figures": b'{"event": "final", "time": 1, "step": 1, "values": {"a": "b"}}\n',
}


class TestDamage:
    @pytest.fixture
    def journal(self, tmp_path) -> Journal:
        journal = Journal(tmp_path)
        journal.begin(name="a", tags={"job": "a"})
        journal.append("metrics", step=1, values={"val/error": 0.5})
        journal.mark_sent(2, "run")
        return journal

    @pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
    def test_a_damaged_line_is_told_and_the_others_are_used(self, damage, journal, caplog):
        lines = journal.path.read_bytes().splitlines(keepends=True)
        journal.path.write_bytes(lines[0] + damage + lines[1])
        journal.mark_sent(3, "run")
        whole = journal.path.read_bytes()
        assert [event["event"] for event in journal.events()] == ["start", "metrics"]
        (said,) = caplog.messages
        assert said.startswith(f"{journal.path}: line 2 (")
        assert said.endswith(") damaged, left out")
        assert [event["event"] for event in journal.events()] == ["start", "metrics"]
        assert len(caplog.messages) == 1, "once a process"
        assert not journal.has_unsent, "lines keep their numbers"
        journal.set_damage_aside()
        assert journal.path.read_bytes() == whole
        assert (journal.folder / "journal.damaged.jsonl").read_bytes() == whole
        journal.append("tags", tags={"a": "b"})
        journal.set_damage_aside()
        assert (journal.folder / "journal.damaged.jsonl").read_bytes() == whole, "the first copy"
        assert len(caplog.messages) == 1

    @pytest.mark.parametrize("mark", ["", "{", "[]", '{"events": "2", "run_id": null}', "null"])
    def test_a_damaged_mark_is_set_aside_and_all_is_sent_again(self, mark, journal, caplog):
        (journal.folder / "sent.json").write_text(mark)
        assert journal.has_unsent
        journal.set_damage_aside()
        assert "damaged and kept as sent.damaged.json" in caplog.text
        assert (journal.folder / "sent.damaged.json").read_text() == mark
        assert (journal.sent.events, journal.sent.was_tried) == (0, True)

    def test_what_is_whole_stays_as_it_is(self, journal, caplog):
        before = content(journal.folder)
        journal.set_damage_aside()
        assert list(journal.events())
        assert content(journal.folder) == before
        assert not caplog.messages


@pytest.mark.slow
def test_damaged_journals_stop_neither_sync_nor_what_they_still_tell(workplace):
    told = workplace.train(*SMALL)
    assert told.returncode == 0, told.stderr
    journal = Journal(workplace.run_dir)
    with journal.path.open("ab") as file:
        file.write(b"\n[]\n")
    journal.append("tags", tags={"note": "late"})
    (journal.folder / "sent.json").write_text("{")
    command = [sys.executable, "-m", "src.sync", str(workplace.folder)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert told.stdout.endswith("1 jobs had something to send\n")
    assert "Traceback" not in told.stderr
    assert len(told.stderr.splitlines()) == 2, told.stderr
    (run,) = workplace.runs()
    assert run.data.tags["note"] == "late"


def test_a_used_name_is_found_wherever_a_journal_would_begin(tmp_path):
    (tmp_path / "artifacts").symlink_to("nowhere")
    with pytest.raises(InputError, match="artifacts lies there already"):
        Journal(tmp_path).begin(name="a", tags={})
    assert not (tmp_path / "journal.jsonl").exists()
