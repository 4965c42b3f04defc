"""How the jobs of a sweep on this machine have one process talk to the tracking server for them.

They need not import MLflow then, which takes longer than many a training, and an embedded
database has one writer instead of many.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError, current_process
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

from src import reuse
from src.journal import JOURNAL, Journal
from src.sender import INTERVAL_SECONDS, send


class Relay:
    """The server's side: sends what jobs write into journals below `folder`, and answers them.

    `open_store` connects. Jobs reach it at `address`, a socket to which `key` admits.
    """

    def __init__(self, folder: Path, open_store: Callable[[], Any], key: bytes) -> None:
        self.folder = folder
        self.open_store = open_store
        self.sent: dict[Path, int] = {}  # the sizes of the journals that were delivered
        self.asked: set[str] = set()
        self.found: dict[str, reuse.Source] = {}  # by fingerprint
        self.closing = threading.Event()
        self.listener = Listener(backlog=64, authkey=key)
        threading.Thread(target=self._keep_sending, name="relay", daemon=True).start()
        threading.Thread(target=self._answer, name="answers", daemon=True).start()

    @property
    def address(self) -> str:
        """Where jobs ask."""
        return str(self.listener.address)

    def find(self, fingerprint: str) -> reuse.Source | None:
        """A finished run of the same fingerprint, those of this sweep among them."""
        if fingerprint not in self.found:
            if fingerprint in self.asked:
                with suppress(Exception):  # what cannot be sent cannot be found
                    self._deliver()
            self.asked.add(fingerprint)
            self.found |= reuse.find(self.open_store, fingerprint, with_sweep=True)
        return self.found.get(fingerprint)

    def close(self) -> None:
        """Send no more; what is still unsent is for who closes the sweep."""
        self.closing.set()
        self.listener.close()

    def _keep_sending(self) -> None:
        pause = INTERVAL_SECONDS
        while not self.closing.wait(pause):
            start = time.monotonic()
            with suppress(Exception):  # a server that does not answer is tried again
                self._deliver()
            pause = max(0, INTERVAL_SECONDS - (time.monotonic() - start))

    def _deliver(self) -> None:
        for path in self.folder.glob(f"*/{JOURNAL}"):
            if self.closing.is_set():
                return
            size = path.stat().st_size
            if size != self.sent.get(path):
                send(Journal(path.parent), self.open_store)
                self.sent[path] = size

    def _answer(self) -> None:
        while not self.closing.is_set():
            # A job may be killed while it asks.
            with suppress(OSError, EOFError, AuthenticationError), self.listener.accept() as job:
                job.send(self.find(job.recv()))


class Relayed:
    """A job's side: what it appends to its journal, the sweep sends."""

    def __init__(self, journal: Journal, address: str) -> None:
        self.journal = journal
        self.address = address

    def append(self, event: str, **fields: Any) -> None:
        """Write an event to the journal, from where it is sent."""
        self.journal.append(event, **fields)

    def find(self, fingerprint: str) -> reuse.Source | None:
        """A finished run of the same fingerprint; none when the sweep's process is gone."""
        try:
            with Client(self.address, authkey=current_process().authkey) as sweep:
                sweep.send(fingerprint)
                return sweep.recv()
        except (OSError, EOFError):
            return None

    def close(self, in_haste: bool = False) -> None:
        """Nothing is left to do here."""
