"""Answers of SLURM's commands, and what they mean for a job and its journal."""

import pytest

from src.process import scheduler
from src.process.scheduler import ProcessState
from src.sweep import submission
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end_if_gone, goes_on


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A machine on which `squeue` and `scontrol` say what a test lets them say."""

    def say(queue: str = "", job: str = "", code: int = 0) -> None:
        answers = {"squeue": queue, "scontrol": f"ClusterName = here\n{job}"}
        for name, text in answers.items():
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
            program.chmod(0o755)
        scheduler.forget()

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    yield say
    scheduler.forget()


def test_an_array_is_queued_or_running_as_long_as_any_of_its_jobs_is(slurm):
    slurm("7_0 COMPLETED on n1\n7_1 PENDING on \n8 RUNNING on n2\n70_1 RUNNING on n1\n")
    assert scheduler.state("slurm:here:7_0") == ProcessState.ENDED
    assert scheduler.state("slurm:here:7_1") == ProcessState.QUEUED
    assert scheduler.state("slurm:here:7") == ProcessState.QUEUED
    assert scheduler.state("slurm:here:8") == ProcessState.RUNNING
    assert scheduler.state("slurm:here:9") == ProcessState.ENDED, "forgotten"
    assert scheduler.state("slurm:here:9,8") == ProcessState.RUNNING


def test_jobs_that_wait_for_more_than_room_tell_why(slurm):
    slurm("7_0 RUNNING on n1 (None)\n7_1 PENDING on  (Resources)\n7_2 PENDING on  (JobHeldUser)\n")
    words = scheduler.words("slurm:here:7")
    assert words["7_0"] == "RUNNING on n1"
    assert scheduler.holds(words.values()) == {"JobHeldUser"}


def test_what_another_cluster_or_nobody_answers_says_nothing(slurm):
    slurm("7 RUNNING")
    assert scheduler.state("slurm:elsewhere:7") == ProcessState.UNKNOWN
    slurm("", code=1)
    assert scheduler.state("slurm:here:7") == ProcessState.UNKNOWN


@pytest.mark.parametrize(
    ("told", "is_told", "expected"),
    [
        ("Restarts=2 JobState=COMPLETING", False, True),
        ("Restarts=1 JobState=COMPLETING", True, False),
        ("Restarts=1 JobState=RUNNING", True, True),
        ("Restarts=1 JobState=RUNNING", False, False),
    ],
)
def test_a_job_starts_again_after_a_requeue_or_when_it_makes_room(
    slurm, monkeypatch, told, is_told, expected
):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    slurm(job=told)
    assert scheduler.starts_again(is_told) == expected


def test_the_state_of_a_job_on_another_machine_is_what_its_scheduler_says(slurm, tmp_path):
    journal = Journal(tmp_path / "job")
    tags = {"machine": "another", "process": "1@0@0", "scheduler_job": "slurm:here:7_0"}
    journal.begin(name="job", tags=tags, params={}, tracking={})
    slurm("7_0 RUNNING")
    assert end_if_gone(journal).status == Status.RUNNING
    slurm("7_0 PENDING")
    assert end_if_gone(journal).status == Status.SCHEDULED
    slurm("7_0 NODE_FAIL")
    ended = end_if_gone(journal)
    assert ended.status == Status.KILLED
    assert ended.reason == "its process was gone; SLURM says NODE_FAIL"


def test_a_sweep_goes_on_while_its_array_does_and_has_not_ended(slurm, tmp_path):
    sweep = Journal(tmp_path / "sweep")
    tags = {"kind": "sweep", "machine": "another", "scheduler_job": "slurm:here:7"}
    sweep.begin(name="sweep", tags=tags, params={}, tracking={})
    slurm("7_0 COMPLETED\n7_1 RUNNING")
    assert goes_on(sweep)
    slurm("", code=1)
    assert goes_on(sweep), "no answer is no end"
    slurm("7_0 COMPLETED\n7_1 FAILED")
    assert not goes_on(sweep)
    slurm("7_0 COMPLETED\n7_1 RUNNING")
    sweep.append("end", status="FINISHED")
    assert not goes_on(sweep)
    assert fold(sweep).status == Status.FINISHED


def test_a_sweep_goes_on_from_its_submission_however_lately_the_queue_was_asked(
    slurm, tmp_path, monkeypatch
):
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: 0.0)
    slurm("7_0 RUNNING")
    assert scheduler.state("slurm:here:7") == ProcessState.RUNNING
    (tmp_path / "squeue").write_text("#!/bin/sh\necho '7_0 RUNNING'; echo '8_0 PENDING'\n")
    sweep = Journal(tmp_path / "sweep")
    sweep.begin(name="sweep", tags={"kind": "sweep", "machine": "another"}, params={}, tracking={})
    submission.record(sweep.folder, ["8"])
    assert goes_on(sweep)
