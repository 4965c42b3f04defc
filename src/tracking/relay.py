"""How the jobs of a sweep on this machine have one process talk to the tracking server for them.

They need not import MLflow then, which takes longer than many a training, and an embedded
database has one writer instead of many.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import current_process
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

from src.tracking import reuse
from src.tracking.journal import Journal, journals
from src.tracking.sender import INTERVAL_SECONDS, send_each

FINDING_SECONDS = 30.0  # how long a job waits for word of an earlier result
ARRIVAL_SECONDS = 5.0  # how long a job that has ended waits for its result to arrive


class Relay:
    """The server's side: sends what jobs write into journals below `folder`, and answers them.

    `open_store` connects. Jobs reach it at `address`, a socket to which `key` admits.
    """

    def __init__(self, folder: Path, open_store: Callable[[], Any], key: bytes) -> None:
        self.folder = folder.absolute()
        self.open_store = open_store
        self.sent: dict[Path, int] = {}  # the sizes of the journals that were delivered
        self.ended: set[str] = set()  # the folders of jobs from which nothing more will come
        self.asked: set[str] = set()
        self.found: dict[str, reuse.Source] = {}  # by fingerprint
        self.hangs = False  # whether the server took long to fail when it was last tried
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
        if fingerprint not in self.found and not self.hangs:
            if fingerprint in self.asked:
                self._send(self._changed())
            self.asked.add(fingerprint)
            start = time.monotonic()
            found = reuse.find(self.open_store, fingerprint, with_sweep=True)
            self.hangs = found is None and time.monotonic() - start > INTERVAL_SECONDS
            self.found |= found or {}
        return self.found.get(fingerprint)

    def deliver(self, folder: Path) -> None:
        """Send the journal of a job that ends, unless the server hangs."""
        journal = Journal(folder)
        if not self.hangs:
            self._send([journal])
        if not journal.has_unsent:
            self.ended.add(str(folder))

    def close(self) -> None:
        """Send no more; what is still unsent is for who closes the sweep."""
        self.closing.set()
        self.listener.close()

    def _keep_sending(self) -> None:
        pause = INTERVAL_SECONDS
        while not self.closing.wait(pause):
            start = time.monotonic()
            with suppress(Exception):  # a journal that cannot be read
                self._send(self._changed())
            pause = max(0, INTERVAL_SECONDS - (time.monotonic() - start))

    def _send(self, journals: Sequence[Journal]) -> None:
        if not journals:
            return
        sizes = [journal.path.stat().st_size for journal in journals]
        start = time.monotonic()
        error = send_each(journals, self.open_store)
        self.hangs = error is not None and time.monotonic() - start > INTERVAL_SECONDS
        for journal, size in zip(journals, sizes, strict=True):
            if not journal.has_unsent:
                self.sent[journal.path] = size

    def _changed(self) -> list[Journal]:
        return [
            journal
            for journal in journals(self.folder, self.ended)
            if journal.path.stat().st_size != self.sent.get(journal.path)
        ]

    def _answer(self) -> None:
        while not self.closing.is_set():
            # A job may be killed while it asks; whatever else happens, the others are answered.
            with suppress(Exception), self.listener.accept() as job:
                word, about = job.recv()
                job.send({"find": self.find, "deliver": self.deliver}[word](about))


class Relayed:
    """A job's side: what it appends to its journal, the sweep sends.

    `address` is where the sweep answers; of a single job a sidecar sends, and answers nothing.
    """

    def __init__(self, journal: Journal, address: str | None) -> None:
        self.journal = journal
        self.address = address

    def append(self, event: str, **fields: Any) -> None:
        """Write an event to the journal, from where it is sent."""
        self.journal.append(event, **fields)

    def find(self, fingerprint: str) -> reuse.Source | None:
        """A finished run of the same fingerprint; none when no process or server answers."""
        return self._ask("find", fingerprint, FINDING_SECONDS)

    def close(self, in_haste: bool = False) -> None:
        """Wait some seconds for the result to arrive, so that other sweeps find it."""
        if not in_haste:
            self._ask("deliver", self.journal.folder, ARRIVAL_SECONDS)

    def _ask(self, word: str, about: Any, seconds: float) -> Any:
        if self.address is None:
            return None
        try:
            with Client(self.address, authkey=current_process().authkey) as sweep:
                sweep.send((word, about))
                return sweep.recv() if sweep.poll(seconds) else None
        except (OSError, EOFError):
            return None
