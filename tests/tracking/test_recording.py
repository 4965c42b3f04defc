"""What a job tells of itself, and how it knows what it has told already."""

import math

import pytest

from src.errors import InputError
from src.tracking import recording
from src.tracking.journal import Journal
from src.tracking.relay import Relayed


@pytest.fixture
def tracker(tmp_path) -> Relayed:
    return Relayed(Journal(tmp_path), None)


def opening(parent="p", number="3") -> dict:
    return {"name": "a", "tags": {"job": "j", "mlflow.parentRunId": parent, "number": number}}


def test_a_job_that_ended_well_is_known_whatever_became_of_its_process(tracker):
    assert recording.finished(tracker, opening()) is None
    with recording.recorded(tracker, **opening()):
        tracker.append("final", step=1, values={"best/val_error": 0.25})
        assert recording.finished(tracker, opening()) is None
        tracker.append("end", status="FINISHED", tags={})
    assert recording.finished(tracker, opening()) == 0.25
    assert recording.finished(tracker, opening(number="4")) is None
    assert recording.finished(tracker, opening(parent="q")) is None


def test_a_job_that_diverged_at_once_has_ended_as_well(tracker):
    with recording.recorded(tracker, **opening()):
        tracker.append("final", step=1, values={"final/val_error": 0.9})
        tracker.append("end", status="FINISHED", tags={})
    assert recording.finished(tracker, opening()) == math.inf


def test_a_job_that_failed_is_tried_again_in_the_run_that_it_had(tracker):
    with pytest.raises(ZeroDivisionError), recording.recorded(tracker, **opening()):
        raise ZeroDivisionError
    again = opening() | {"name": "again"}
    again["tags"]["job"] = "another"
    with recording.recorded(tracker, **again):
        pass
    first, last = (event for event in tracker.journal.events() if event["event"] == "start")
    assert first["tags"]["job"] == last["tags"]["job"] == "j"
    assert last["tags"]["reason"] == ""
    assert recording.finished(tracker, opening()) is None


@pytest.mark.parametrize("other", [{"number": "4"}, {"parent": "q"}])
def test_another_job_does_not_write_into_its_journal(tracker, other):
    with recording.recorded(tracker, **opening()):
        pass
    before = tracker.journal.path.read_bytes()
    with (
        pytest.raises(InputError, match="results lie there"),
        recording.recorded(tracker, **opening(**other)),
    ):
        pass
    assert tracker.journal.path.read_bytes() == before


def test_a_job_alone_is_tried_once(tracker):
    alone = {"name": "a", "tags": {"job": "j"}}
    with recording.recorded(tracker, **alone):
        pass
    with pytest.raises(InputError, match="results lie there"), recording.recorded(tracker, **alone):
        pass
