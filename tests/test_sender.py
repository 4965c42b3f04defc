"""Journals on their way to a tracking server, against a real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from src.journal import Journal
from src.sender import open_store, send


def test_a_journal_that_two_send_at_once_becomes_one_run(workplace):
    journal = Journal(workplace.folder / "job")
    journal.append("start", name="a", tags={"job": "a"}, params={"seed": "0"})
    journal.append("metrics", step=1, values={"val/error": 0.25})
    journal.append("end", status="FINISHED", tags={"outcome": "finished"})
    store = open_store({"uri": workplace.uri, "experiment": workplace.experiment, "artifacts": ""})
    both = Barrier(2)

    def connect():
        both.wait()  # both have seen that there is something to send
        return store

    with ThreadPoolExecutor() as pool:
        events = pool.map(send, [journal] * 2, [connect] * 2)
    assert sorted(events) == [0, 3]
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]
    assert not list(journal.folder.glob("*.lock"))
