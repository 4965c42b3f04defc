"""Sends a job's journal to the tracking server beside the training, and survives its outages."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from src import commands
from src.credentials import redact
from src.error_text import root_cause
from src.tracking import reuse
from src.tracking.journal import Journal
from src.tracking.lock import locked

if TYPE_CHECKING:
    from src.tracking.client import Store

INTERVAL_SECONDS = 1.0  # between deliveries, and between tries when there is no answer
PATIENCE_SECONDS = 10.0  # how long a finished job tries a server that does not answer
HASTE_SECONDS = 1.0  # how long a killed one waits for any server; its sweep sends the rest


class Sender:
    """A thread that delivers the events of a journal, in order, and what failed to arrive again.

    `open_store` connects; it is called in the thread, where MLflow's slow import hinders nobody.
    """

    def __init__(self, journal: Journal, open_store: Callable[[], Any]) -> None:
        self.journal = journal
        self.open_store = open_store
        self.closing = threading.Event()
        self.patience = PATIENCE_SECONDS
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.thread.start()

    def append(self, event: str, **fields: Any) -> None:
        """Write an event to the journal, from where it is sent."""
        self.journal.append(event, **fields)

    def find(self, fingerprint: str) -> reuse.Source | None:
        """A finished run of the same fingerprint."""
        return (reuse.find(self.open_store, fingerprint) or {}).get(fingerprint)

    def close(self, in_haste: bool = False) -> None:
        """Wait until all is sent, or warn that it cannot be."""
        if in_haste:
            self.patience = 0.0
        self.closing.set()
        self.thread.join(HASTE_SECONDS if in_haste else None)
        if self.thread.is_alive() or self.error is not None:
            why = root_cause(self.error or TimeoutError("no answer yet"))
            print(
                f"warning: the tracking server misses a part ({why}), which is in "
                f"{self.journal.path}: `{commands.sync(self.journal.folder)}` sends it later",
                file=sys.stderr,
            )

    def _run(self) -> None:
        with suppress(Exception):  # whatever it is, the first delivery meets it again
            self.open_store()
        while not self.closing.wait(INTERVAL_SECONDS):
            self.error = send_each([self.journal], self.open_store)
        self.error = send_all([self.journal], self.open_store, self.patience)


def send_all(
    journals: Sequence[Journal], open_store: Callable[[], Any], seconds: float
) -> Exception | None:
    """Deliver the journals; what a server does not take is tried again for some seconds.

    Returns why the last one that could not be delivered was not.
    """
    deadline = time.monotonic() + seconds
    while error := send_each(journals, open_store):
        if time.monotonic() > deadline:
            return error
        time.sleep(INTERVAL_SECONDS)
    return None


def send_each(journals: Iterable[Journal], open_store: Callable[[], Any]) -> Exception | None:
    """Deliver each, whatever became of the others; returns why the last failure was one.

    A failure that took long is that of a server that hangs, and nothing more is tried.
    """
    error = None
    for journal in journals:
        start = time.monotonic()
        try:
            send(journal, open_store)
        except Exception as failure:  # whatever a server or a network may throw
            error = failure
            if time.monotonic() - start > INTERVAL_SECONDS:
                break
    return error


def send(journal: Journal, open_store: Callable[[], Any]) -> int:
    """Deliver what the server does not have yet; returns how many events that were.

    Raises what the server or the network raises.
    """
    from src.tracking import client

    if not journal.has_unsent:
        return 0
    store = open_store()
    with locked(journal.path):  # sent by two at once, it would become two runs
        sent = journal.sent
        events = list(journal.events(sent.events))
        if events:
            journal.mark_sent(sent.events, sent.run_id)  # from here on a run may exist
            first_try = not sent.was_tried
            run_id = client.deliver(store, sent.run_id, events, journal.folder, first_try)
            journal.mark_sent(sent.events + len(events), run_id)
    return len(events)


def open_store(settings: Mapping[str, str]) -> "Store":
    """Connect as the config's `tracking` says; MLflow is imported here, when it is needed."""
    from src.tracking import client

    return client.connect(settings["uri"], settings["experiment"], settings["artifacts"])


def destination(settings: Mapping[str, str]) -> dict[str, str]:
    """The config's `tracking` as a journal keeps it: where it is to go, without passwords."""
    return {key: redact(value) for key, value in settings.items()}
