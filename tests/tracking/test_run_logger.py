"""The journal of a job as the job writes it, over one attempt and over several."""

import math
import signal
from contextlib import suppress

import pytest

from src.errors import InputError
from src.tracking import run_logger
from src.tracking.job_record import Action, Status, fold
from src.tracking.journal import Journal
from src.tracking.run_logger import run_lifecycle


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path)


def start(sweep="p", number="3") -> dict:
    return {"name": "a", "tags": {"job": "j", "sweep": sweep, "number": number}}


def test_a_job_that_ended_well_is_known_whatever_became_of_its_process(journal):
    assert run_logger.already_finished(journal, "p", 3) is None
    with run_lifecycle(journal, start()):
        journal.append("final", step=1, values={"best/val_error": 0.25})
        assert run_logger.already_finished(journal, "p", 3) is None
        journal.append("end", status="FINISHED", tags={})
    assert run_logger.already_finished(journal, "p", 3).best_val_error == 0.25
    assert run_logger.already_finished(journal, "p", 4) is None
    assert run_logger.already_finished(journal, "q", 3) is None


def test_a_job_that_diverged_at_once_has_ended_as_well(journal):
    with run_lifecycle(journal, start()):
        journal.append("final", step=1, values={"final/val_error": 0.9})
        journal.append("end", status="FINISHED", tags={})
    assert run_logger.already_finished(journal, "p", 3).best_val_error == math.inf


def test_a_job_that_failed_is_tried_again_in_the_run_that_it_had(journal):
    with pytest.raises(ZeroDivisionError), run_lifecycle(journal, start()):
        raise ZeroDivisionError
    assert fold(journal).status == Status.FAILED
    again = start() | {"name": "again"}
    again["tags"]["job"] = "another"
    with run_lifecycle(journal, again, Action.RESUME):
        pass
    record = fold(journal)
    assert (record.job_id, record.name, record.reason) == ("j", "again", "")
    assert (record.status, record.action) == (Status.RUNNING, Action.RESUME)
    assert run_logger.already_finished(journal, "p", 3) is None


@pytest.mark.parametrize("other", [{"number": "4"}, {"sweep": "q"}])
def test_another_job_does_not_write_into_its_journal(journal, other):
    with run_lifecycle(journal, start()):
        pass
    before = journal.path.read_bytes()
    with (
        pytest.raises(InputError, match="results lie there"),
        run_lifecycle(journal, start(**other)),
    ):
        pass
    assert journal.path.read_bytes() == before


def test_a_single_run_is_tried_once(journal):
    alone = {"name": "a", "tags": {"job": "j"}}
    with run_lifecycle(journal, alone):
        pass
    with pytest.raises(InputError, match="results lie there"), run_lifecycle(journal, alone):
        pass


def test_an_interrupt_is_no_failure(journal):
    with pytest.raises(KeyboardInterrupt), run_lifecycle(journal, start()):
        signal.raise_signal(signal.SIGINT)
    record = fold(journal)
    assert (record.status, record.outcome) == (Status.KILLED, "killed")


def test_an_interrupt_that_no_signal_has_raised_is_a_failure(journal):
    with pytest.raises(RuntimeError), run_lifecycle(journal, start()):
        raise KeyboardInterrupt
    assert fold(journal).status == Status.FAILED
    assert fold(journal).reason.startswith("RuntimeError: KeyboardInterrupt")


def test_an_interrupt_after_its_end_takes_nothing_from_a_job(journal):
    with suppress(KeyboardInterrupt), run_lifecycle(journal, start()):
        journal.append("end", status="FINISHED", tags={})
        signal.raise_signal(signal.SIGINT)
    assert fold(journal).status == Status.FINISHED


def test_a_traceback_is_kept_without_passwords(journal):
    with pytest.raises(ValueError, match="pw"), run_lifecycle(journal, start()):
        raise ValueError("http://user:pw@host is away")
    text = (journal.folder / "artifacts" / "traceback.txt").read_text()
    assert "Traceback" in text
    assert "pw" not in text
    assert fold(journal).reason == "ValueError: http://host is away"


def test_a_cached_result_is_recorded_with_its_epochs_and_its_origin(tmp_path):
    source, journal = Journal(tmp_path / "source"), Journal(tmp_path / "job")
    with run_lifecycle(source, start(number="0")):
        for step, error in ((1, 0.5), (2, 0.25)):
            source.append("metrics", step=step, values={"val/error": error})
        source.append("final", step=2, values={"best/val_error": 0.25}, correct="8:/w==")
        source.append("end", status="FINISHED", tags={"outcome": "stopped"})
    assert run_logger.record_cached(journal, start(), fold(source)) == 0.25
    record = fold(journal)
    assert (record.action, record.status, record.outcome) == ("reuse", "FINISHED", "stopped")
    assert record.tags["reused_from"] == "j"
    assert [epoch.val_error for epoch in record.epochs] == [0.5, 0.25]
    assert record.correct == "8:/w=="
    source.mark_sent(6, "run")
    again = Journal(tmp_path / "again")
    run_logger.record_cached(again, start(), fold(source))
    assert fold(again).tags["reused_from"] == "run"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ([], "model=mlp activation=relu seed=3"),
        (["threads=1", "figures=false"], "model=mlp activation=relu seed=3"),
        (["seed=3", "threads=1", "figures=false", "results=/x"], "seed=3"),
        (["epochs=3", "+optimizer.momentum=0.5"], "epochs=3 +optimizer.momentum=0.5"),
        (["data.root=/a"], "data.root=/a"),
    ],
)
def test_a_single_run_is_named_by_what_was_typed(typed, name, config):
    job = run_logger.job_metadata(config("seed=3"), typed, None)
    assert job["name"] == name
