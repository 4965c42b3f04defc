"""Sends a job's journal to the tracking server beside the training, and survives its outages."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from src.journal import Journal

if TYPE_CHECKING:
    from src.tracking import Store

RETRY_SECONDS = 1.0
LAST_CALL_SECONDS = 10.0  # how long a finished job waits for a server that does not answer


class Sender:
    """A thread that delivers each event of a journal, in order and until it has arrived.

    `open_store` connects; it is called in the thread, where MLflow's slow import hinders nobody.
    """

    def __init__(self, journal: Journal, open_store: Callable[[], Any]) -> None:
        self.journal = journal
        self.open_store = open_store
        self.news = threading.Condition()
        self.closing_at: float | None = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.thread.start()

    def append(self, event: str, **fields: Any) -> None:
        """Write an event to the journal and have it sent."""
        self.journal.append(event, **fields)
        with self.news:
            self.news.notify()

    def close(self) -> str | None:
        """Wait until all is sent; the run's id, or None after a warning when it cannot be."""
        with self.news:
            self.closing_at = time.monotonic()
            self.news.notify()
        self.thread.join()
        if self.error is not None:
            reason = " ".join(str(self.error).split())[:200]
            print(
                f"warning: the tracking server does not answer ({reason}); what it misses is in "
                f"{self.journal.path}: `python -m src.sync` sends it later",
                file=sys.stderr,
            )
            return None
        return self.journal.sent[1]

    def _run(self) -> None:
        while True:
            closing = self.closing_at
            try:
                send(self.journal, self.open_store)
                self.error = None
            except Exception as error:  # whatever a server or a network may throw
                self.error = error
            patient = closing is None or time.monotonic() - closing < LAST_CALL_SECONDS
            if closing is not None and not (self.error and patient):
                return
            with self.news:
                self.news.wait_for(self._has_work, RETRY_SECONDS if self.error else None)

    def _has_work(self) -> bool:
        unsent = next(self.journal.events(self.journal.sent[0]), None) is not None
        return self.closing_at is not None or (unsent and self.error is None)


def send(journal: Journal, open_store: Callable[[], Any]) -> None:
    """Deliver what the server does not have yet; raises what the server or the network raises."""
    from src import tracking

    count, run_id = journal.sent
    for number, event in enumerate(journal.events(count), count + 1):
        run_id = tracking.deliver(open_store(), run_id, event, journal.folder)
        journal.mark_sent(number, run_id)


def open_store(settings: Mapping[str, str]) -> "Store":
    """Connect as the config's `tracking` says; MLflow is imported here, when it is needed."""
    from src import tracking

    return tracking.connect(settings["uri"], settings["experiment"], settings["artifacts"])


def ui_command(settings: Mapping[str, str]) -> str:
    """How to look at what was sent."""
    from src import tracking

    return tracking.ui_command(settings["uri"])
