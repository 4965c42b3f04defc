"""How the jobs of a sweep on this machine have one process talk to the tracking server for them.

They need not import MLflow then, which takes longer than many a training, and an embedded
database has one writer instead of many.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import current_process
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

from src import reuse
from src.journal import Journal, journals
from src.sender import INTERVAL_SECONDS, send_each


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
        self.is_down = False  # what the last job that ended met
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
                self._deliver()
            self.asked.add(fingerprint)
            self.found |= reuse.find(self.open_store, fingerprint, with_sweep=True)
        return self.found.get(fingerprint)

    def deliver(self, folder: Path) -> None:
        """Send the journal of a job that ends, unless the server has just not answered."""
        if not self.is_down:
            self.is_down = bool(send_each([Journal(folder)], self.open_store, seconds=0))
        if not self.is_down:
            self.ended.add(str(folder))

    def close(self) -> None:
        """Send no more; what is still unsent is for who closes the sweep."""
        self.closing.set()
        self.listener.close()

    def _keep_sending(self) -> None:
        pause = INTERVAL_SECONDS
        while not self.closing.wait(pause):
            start = time.monotonic()
            self.is_down = bool(self._deliver())
            pause = max(0, INTERVAL_SECONDS - (time.monotonic() - start))

    def _deliver(self) -> Exception | None:
        return send_each(self._changed(), self.open_store, INTERVAL_SECONDS)

    def _changed(self) -> Iterator[Journal]:
        for journal in journals(self.folder, self.ended):
            if self.closing.is_set():
                return
            size = journal.path.stat().st_size
            if size != self.sent.get(journal.path):
                yield journal
                if not journal.has_unsent:
                    self.sent[journal.path] = size

    def _answer(self) -> None:
        while not self.closing.is_set():
            # A job may be killed while it asks; whatever else happens, the others are answered.
            with suppress(Exception), self.listener.accept() as job:
                word, about = job.recv()
                job.send({"find": self.find, "deliver": self.deliver}[word](about))


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
        return self._ask("find", fingerprint)

    def close(self, in_haste: bool = False) -> None:
        """Wait until all is sent, so that other sweeps find it."""
        if not in_haste:
            self._ask("deliver", self.journal.folder)

    def _ask(self, word: str, about: Any) -> Any:
        try:
            with Client(self.address, authkey=current_process().authkey) as sweep:
                sweep.send((word, about))
                return sweep.recv()
        except (OSError, EOFError):
            return None
