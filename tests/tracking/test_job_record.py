"""The one fold of a journal: what every reader knows of a job."""

import math
import os
import shutil
from pathlib import Path

import pytest

from src.process import identity
from src.process.scheduler import ProcessState
from src.tracking.job_record import Action, Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end_if_gone
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_journals import SweepJournals

STORED = Path(__file__).parent / "stored" / "journal_2026_11.jsonl"


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "job")


def begin(journal: Journal, process: str = "", **tags: str) -> Journal:
    own = {"job": "j", "machine": identity.machine_id(), "process": process or dead()}
    journal.begin(name="a", tags=own | tags, params={"seed": "3", "epochs": "2"})
    return journal


def dead() -> str:
    """The name of a process that has ended."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    name = f"{child}@{identity.process_id().partition('@')[2]}"
    os.waitpid(child, 0)
    return name


def test_nothing_has_begun_without_a_start(journal):
    assert fold(journal) is None
    journal.append("metrics", step=1, values={})
    assert fold(journal) is None


def test_the_last_word_on_a_job_counts(journal):
    begin(journal)
    journal.append("metrics", step=2, values={"val/error": 0.5})
    journal.append("metrics", step=1, values={"val/error": 0.75})
    journal.append("metrics", step=2, values={"val/error": 0.25})
    journal.append("final", step=2, values={"best/val_error": 0.25})
    journal.append("end", status="FINISHED", tags={"outcome": "stopped"})
    record = fold(journal)
    assert [(epoch.epoch, epoch.val_error) for epoch in record.epochs] == [(1, 0.75), (2, 0.25)]
    assert (record.status, record.outcome) == (Status.FINISHED, "stopped")
    assert record.best_val_error == 0.25
    assert record.run_id is None
    journal.mark_sent(2, "run")
    assert fold(journal).run_id == "run"


@pytest.mark.parametrize(
    ("params", "role", "outcome", "figure"),
    [
        ({}, "", "finished", 0.25),
        ({"select_by": "val/accuracy"}, "", "finished", 0.8),  # of the second epoch
        ({"select_by": "val/loss"}, "", "finished", 0.5),  # of the first
        ({"select_by": "val/accuracy"}, "", "diverged", -math.inf),
        ({"select_by": "val/loss"}, "", "diverged", math.inf),
        ({"select_by": "val/accuracy"}, "trial", "finished", 0.25),
    ],
)
def test_a_sweeper_gets_the_metric_that_selects(params, role, outcome, figure, journal):
    known = {"metrics.accuracy.direction": "maximize"}
    tags = {"job": "j"} | ({"role": role} if role else {})
    journal.begin(name="a", tags=tags, params=params | known)
    for step, (loss, accuracy) in enumerate([(0.5, 0.7), (0.6, 0.8)], 1):
        values = {"train/loss": 1.0, "val/loss": loss, "val/accuracy": accuracy}
        values["val/error"] = 0.25 * step
        journal.append("metrics", step=step, values=values)
    journal.append("final", step=2, values={"best/val_error": 0.25})
    journal.append("end", status="FINISHED", tags={"outcome": outcome})
    assert fold(journal).objective == figure


def test_a_second_attempt_takes_the_end_of_the_first_back(journal):
    begin(journal)
    journal.append("end", status="KILLED", tags={"outcome": "killed", "reason": "a flood"})
    assert (fold(journal).status, fold(journal).reason) == (Status.KILLED, "a flood")
    journal.append("start", name="a", tags={"reason": ""}, action="resume")
    record = fold(journal)
    assert (record.status, record.reason, record.action) == (Status.RUNNING, "", Action.RESUME)


def test_an_event_that_makes_no_sense_changes_nothing_else(journal):
    begin(journal)
    journal.append("end", status="ABDUCTED", tags={})
    journal.append("history", epochs=[{"step": 1}])
    journal.append("metrics", step=1, values={"val/error": 0.5})
    record = fold(journal)
    assert (record.status, len(record.epochs)) == (Status.RUNNING, 1)


class TestSettle:
    def test_a_job_whose_process_is_gone_was_killed(self, journal):
        begin(journal)
        assert fold(journal).process == ProcessState.ENDED
        record = end_if_gone(journal)
        assert (record.status, record.reason) == (Status.KILLED, "its process was gone")
        lines = len(journal.path.read_bytes().splitlines())
        assert end_if_gone(journal).status == Status.KILLED
        assert len(journal.path.read_bytes().splitlines()) == lines

    def test_a_job_that_runs_is_left_alone(self, journal):
        begin(journal, process=identity.process_id())
        before = journal.path.read_bytes()
        assert end_if_gone(journal).status == Status.RUNNING
        assert journal.path.read_bytes() == before

    def test_so_is_one_of_another_machine(self, journal):
        begin(journal, machine="another")
        record = end_if_gone(journal)
        assert (record.status, record.process) == (Status.RUNNING, ProcessState.UNKNOWN)

    def test_so_is_one_that_finished(self, journal):
        begin(journal)
        journal.append("end", status="FINISHED", tags={})
        assert end_if_gone(journal).status == Status.FINISHED

    def test_of_damage_there_is_a_line(self, journal, caplog):
        begin(journal)
        with journal.path.open("ab") as file:
            file.write(b"[]\n")
        assert end_if_gone(journal).status == Status.KILLED
        assert "line 2 (no mapping) damaged" in caplog.text

    def test_a_journal_that_cannot_be_read_is_left_with_a_line_about_it(self, journal, caplog):
        journal.path.mkdir(parents=True)
        assert end_if_gone(journal) is None
        assert "left as it is" in caplog.text


class TestDestination:
    tracking = TrackingSettings("sqlite:////a/outputs/mlflow.db", "e", "/a/outputs/artifacts")

    def moved(self, journal: Journal, folder: str, tracking: TrackingSettings) -> TrackingSettings:
        journal.begin(name="a", tags={"folder": folder}, tracking=vars(tracking))
        return fold(journal).destination

    def test_it_moves_along_with_the_outputs(self, tmp_path):
        journal = Journal(tmp_path / "outputs" / "runs" / "x")
        found = self.moved(journal, "/a/outputs/runs/x", self.tracking)
        database, artifacts = tmp_path / "outputs" / "mlflow.db", tmp_path / "outputs" / "artifacts"
        assert found == TrackingSettings(f"sqlite:///{database}", "e", str(artifacts))

    def test_it_stays_where_the_journal_alone_was_moved(self, tmp_path):
        found = self.moved(Journal(tmp_path / "elsewhere"), "/b/runs/x", self.tracking)
        assert found == self.tracking

    def test_a_server_stays_where_it_is(self, tmp_path):
        server = TrackingSettings("http://host/a/outputs", "e", "")
        journal = Journal(tmp_path / "outputs" / "runs" / "x")
        assert self.moved(journal, "/a/outputs/runs/x", server) == server


class TestSweepJournals:
    def test_jobs_come_in_their_order_and_strangers_not_at_all(self, tmp_path):
        sweep = begin(Journal(tmp_path), kind="sweep")
        for number in (10, 2):
            begin(Journal(tmp_path / "deep" / str(number)), sweep="j", number=str(number))
        begin(Journal(tmp_path / "another"), sweep="k", number="0")
        begin(Journal(tmp_path / "single"))
        found = SweepJournals(sweep)
        assert [record.number for record in found.records()] == [2, 10]
        assert found.find()[0] is sweep
        begin(Journal(tmp_path / "late"), sweep="j", number="3")
        assert [record.number for record in found.end_gone_jobs()] == [2, 3, 10]
        assert {record.status for record in found.records()} == {Status.KILLED}


def test_a_journal_of_november_2026_is_read_as_ever(tmp_path):
    shutil.copy(STORED, tmp_path / "journal.jsonl")
    (tmp_path / "sent.json").write_text('{"events": 6, "run_id": "12837a4d"}')
    record = fold(Journal(tmp_path))
    assert (record.name, record.status, record.outcome) == (
        "model=softmax seed=0",
        Status.FINISHED,
        "finished",
    )
    assert (record.run_id, record.fingerprint) == ("12837a4d", "14370a840d19c154")
    assert record.sweep_id == "12b0bd58b35d47b3823183b02b4fe626"
    assert [epoch.val_error for epoch in record.run.epochs] == [0.5, 0.23]
    assert (record.run.seed, record.run.test_error) == (0, 0.252)
    assert record.run.config["optimizer.lr"] == "0.05"
    assert "seed" not in record.run.config
    assert not record.journal.has_unsent
