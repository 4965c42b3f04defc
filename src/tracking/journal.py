"""What a job did, one JSON line an event, on disk before anything is sent anywhere."""

import errno
import json
import os
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from src.errors import InputError

JOURNAL, SENT = "journal.jsonl", "sent.json"
TAKEN = "results lie there already; a directory of its own is needed"


@dataclass(frozen=True)
class Sent:
    """How much of a journal has arrived."""

    events: int
    run_id: str | None  # None: unknown
    was_tried: bool  # a delivery has begun, so a run may exist even where its id is unknown


class Journal:
    """The append-only events of the job whose directory is `folder`.

    Events carry their time, so that sending one twice is sending the same thing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL

    def check_unused(self, key: str) -> None:
        """Raise InputError if `key` names a directory where another journal lies."""
        if self.path.exists():
            raise InputError(f"{key}={self.folder}: {TAKEN}")

    def begin(self, **fields: Any) -> None:
        """Write the first event, `start`, of a journal that nobody else has begun.

        Raises InputError where another process was faster.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.path.open("xb").close()
        except FileExistsError:
            raise InputError(f"{self.folder}: {TAKEN}") from None
        self.append("start", **fields)

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; it is whole on disk or, after a crash or on a full disk, not there."""
        now = time.time_ns() // 1_000_000
        line = json.dumps({"event": event, "time": now, **fields}).encode() + b"\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as file:
            size = _whole(file)
            file.truncate(size)
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
                os.fsync(file.fileno())  # before the server has what a power cut would take
            except OSError:
                file.truncate(size)
                raise

    def events(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """The events from number `first` on; a line that a crash cut off is none."""
        if not self.path.exists():
            return
        with self.path.open() as file:
            for number, line in enumerate(file):
                if number >= first and line.endswith("\n"):
                    yield json.loads(line)

    @property
    def sent(self) -> Sent:
        """What the tracking server has of this."""
        try:
            state = json.loads((self.folder / SENT).read_text())
        except FileNotFoundError:
            return Sent(0, None, was_tried=False)
        return Sent(state["events"], state["run_id"], was_tried=True)

    @property
    def has_unsent(self) -> bool:
        """Whether the tracking server misses an event."""
        return next(self.events(self.sent.events), None) is not None

    def mark_sent(self, events: int, run_id: str | None) -> None:
        """Note atomically what the server has."""
        draft = self.folder / f"{SENT}.new"
        with draft.open("w") as file:
            json.dump({"events": events, "run_id": run_id}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / SENT)


def journals(folder: Path, known: Container[str] = ()) -> Iterator[Journal]:
    """Those in `folder` and below it, except in folders that are `known`."""
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if f"{place}/{name}" not in known]
        if JOURNAL in files:
            yield Journal(Path(place))


def _whole(file: BinaryIO) -> int:
    """The size of `file` without the half of a line that a crash left at its end."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1
