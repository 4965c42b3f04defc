"""The journal on disk: whole events in order, whatever a crash left."""

import json
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.errors import InputError
from src.tracking.journal import Journal, Sent


def test_events_come_back_in_order_with_their_fields_and_times(tmp_path):
    journal = Journal(tmp_path / "job")
    journal.append("start", name="a b", tags={"seed": "3"})
    journal.append("metrics", step=1, values={"val/error": 0.5})
    first, second = journal.events()
    assert (first["event"], first["name"], first["tags"]) == ("start", "a b", {"seed": "3"})
    assert (second["step"], second["values"]) == (1, {"val/error": 0.5})
    assert first["time"] <= second["time"]


def test_what_is_written_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    on_disk = {}

    def fsync(file):
        path = Path(f"/proc/self/fd/{file}").readlink()
        on_disk[path.name] = path.read_text()

    monkeypatch.setattr(os, "fsync", fsync)
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, values={})
    journal.mark_sent(1, "run")
    assert on_disk["journal.jsonl"] == journal.path.read_text()
    assert on_disk["sent.json.new"] == (tmp_path / "sent.json").read_text()


def test_a_journal_is_read_from_any_event_on(tmp_path):
    journal = Journal(tmp_path)
    for step in range(5):
        journal.append("metrics", step=step, values={})
    assert [event["step"] for event in journal.events(3)] == [3, 4]
    assert list(journal.events(5)) == []


def test_figures_that_are_no_numbers_survive(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, values={"val/loss": float("nan"), "train/loss": float("inf")})
    (event,) = journal.events()
    assert event["values"]["val/loss"] != event["values"]["val/loss"]
    assert event["values"]["train/loss"] == float("inf")


def test_a_job_that_has_not_begun_has_no_events(tmp_path):
    journal = Journal(tmp_path / "nowhere")
    assert list(journal.events()) == []
    assert journal.sent == Sent(0, None, was_tried=False)


def test_a_line_that_a_crash_cut_off_is_none_and_is_written_over(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, values={})
    with journal.path.open("a") as file:
        file.write('{"event": "metr')
    assert [event["step"] for event in journal.events()] == [1]
    journal.append("metrics", step=2, values={})
    assert [event["step"] for event in journal.events()] == [1, 2]


def test_a_journal_of_half_a_line_begins_anew(tmp_path):
    journal = Journal(tmp_path)
    journal.path.write_text('{"event"')
    journal.append("start", name="a", tags={})
    assert [event["event"] for event in journal.events()] == ["start"]


def test_a_line_that_the_disk_had_no_room_for_is_not_there(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, values={})
    size = journal.path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with pytest.raises(OSError, match=r"No space left|File too large"):
            journal.append("metrics", step=2, values={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert journal.path.stat().st_size == size
    journal.append("metrics", step=2, values={})
    assert [event["step"] for event in journal.events()] == [1, 2]


def test_what_was_sent_is_noted_and_leaves_no_draft(tmp_path):
    journal = Journal(tmp_path)
    journal.mark_sent(3, "run")
    journal.mark_sent(4, "run")
    assert journal.sent == Sent(4, "run", was_tried=True)
    assert [path.name for path in tmp_path.iterdir()] == ["sent.json"]


def test_another_process_can_read_it_line_by_line(tmp_path):
    journal = Journal(tmp_path)
    journal.append("start", name="ü\n", tags={})
    assert len(journal.path.read_text().splitlines()) == 1
    assert json.loads(journal.path.read_text())["name"] == "ü\n"


def test_of_many_that_begin_at_once_in_one_directory_one_does(tmp_path):
    def begin(number: int) -> bool:
        try:
            Journal(tmp_path / "job").begin(name=str(number), tags={})
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(begin, range(40)))
    assert sum(begun) == 1
    (event,) = Journal(tmp_path / "job").events()
    assert event["name"] == str(begun.index(True))
