"""The journal of a job or a sweep: one JSON line an event, on disk before anything is sent."""

import errno
import json
import logging
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from src.errors import InputError
from src.tracking.event import FILES, Event, EventKind, event_now, parse
from src.tracking.lock import locked

JOURNAL, SENT = "journal.jsonl", "sent.json"
OWN_NAMES = (JOURNAL, SENT, FILES)
DAMAGED_JOURNAL, DAMAGED_SENT = "journal.damaged.jsonl", "sent.damaged.json"
SWEEP_DEPTH = 8  # folders in which a sweep's journal is looked for above that of a job
ALL_EVENTS = 2**53  # more than any journal has
DIRECTORY_IN_USE = "results lie there already; a directory of its own is needed"


log = logging.getLogger(__name__)
_told: set[Path] = set()  # journals of whose damage the log has its line


@dataclass(frozen=True)
class Sent:
    """The part of a journal that has arrived at the tracking server."""

    events: int
    run_id: str | None  # None: unknown
    was_tried: bool  # a delivery has begun, so a run may exist even where its id is unknown


class Journal:
    """The append-only events of the job whose directory is `folder`.

    Events carry their time, so that sending one twice is sending the same thing. Readers use
    the lines that are whole and pass over the others.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL

    def check_unused(self, named: object) -> None:
        """Raise InputError if a file of a job's name lies in the directory, as it is `named`."""
        if self.path.exists():
            raise InputError(f"{named}: {DIRECTORY_IN_USE}")
        if taken := [name for name in OWN_NAMES if os.path.lexists(self.folder / name)]:
            said = f"must be a directory of its own; {taken[0]} lies there already"
            raise InputError(f"{named}: {said}")

    def begin(self, *more: Event, **fields: Any) -> None:
        """Write the first event, `start`, and others, of a journal that no other process has begun.

        Raises InputError where another process was faster, or what is not the job's lies.
        """
        self.check_unused(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.path.open("xb").close()
        except FileExistsError:
            raise InputError(f"{self.folder}: {DIRECTORY_IN_USE}") from None
        self.extend(event_now(EventKind.START, **fields), *more)

    def append(self, kind: EventKind, **fields: Any) -> None:
        """Write one event; after a crash or on a full disk it is there whole or not at all."""
        self.extend(event_now(kind, **fields))

    def extend(self, *events: Event) -> None:
        """Write several events at the cost of one."""
        lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as file:
            size = _whole(file)
            file.truncate(size)
            try:
                if file.write(lines) < len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
                os.fsync(file.fileno())  # before the server has what a power cut would take
            except OSError:
                file.truncate(size)
                raise

    def write(self, events: Sequence[Event], run_id: str) -> None:
        """Write a whole journal that was kept elsewhere, of a run that the server has."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.path, b"".join(json.dumps(event).encode() + b"\n" for event in events))
        self.mark_sent(len(events), run_id)

    def append_files(self, files: Iterable[Path]) -> None:
        """Write that files of the job, below its folder `artifacts`, are to be sent."""
        self.extend(self.files_event(files))

    def files_event(self, files: Iterable[Path]) -> Event:
        """Return the event of files, to be written with others."""
        paths = sorted(file.relative_to(self.folder).as_posix() for file in files)
        return event_now(EventKind.FILES, paths=paths)

    def events(self, first: int = 0) -> Iterator[Event]:
        """Yield the whole events from line `first` on. Raises OSError for an unreadable file."""
        yield from (event for _, event in self.numbered(first))

    def numbered(self, first: int = 0) -> Iterator[tuple[int, Event]]:
        """Yield each whole event from line `first` on with the number of its line.

        The log has a line about the others, once a process.
        """
        damaged = []
        for number, line in enumerate(self._lines()):
            if number >= first:
                try:
                    event = parse(line)
                except ValueError as why:
                    damaged.append(f"{number + 1} ({why})")
                else:
                    yield number, event
        if damaged and self.path not in _told:
            _told.add(self.path)
            shown = ", ".join(damaged[:5]) + (", …" if len(damaged) > 5 else "")
            log.warning("%s: line %s damaged, left out", self.path, shown)

    @property
    def is_readable(self) -> bool:
        """True if this user may read the events, or there are none."""
        try:
            next(self._lines(), None)
        except OSError:
            return False
        return True

    def _lines(self) -> Iterator[bytes]:
        """Yield the whole lines; a crash may have left half of one at the end."""
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from (line for line in file if line.endswith(b"\n"))

    @property
    def sent(self) -> Sent:
        """The part that the tracking server has; of a damaged mark, nothing for sure."""
        return self._mark() or Sent(0, None, was_tried=True)

    def _mark(self) -> Sent | None:
        """Return what the mark says, or None if it is damaged."""
        try:
            state = json.loads((self.folder / SENT).read_bytes())
            events, run_id = state["events"], state["run_id"]
        except FileNotFoundError:
            return Sent(0, None, was_tried=False)
        except (ValueError, TypeError, KeyError):
            return None
        is_whole = type(events) is int and isinstance(run_id, str | None)
        return Sent(events, run_id, was_tried=True) if is_whole else None

    @property
    def has_unsent(self) -> bool:
        """True if the tracking server misses an event."""
        return next(self.events(self.sent.events), None) is not None

    def mark_sent(self, events: int, run_id: str | None, waits_for_disk: bool = True) -> None:
        """Note atomically that the server has the first `events` lines as the run `run_id`."""
        state = {"events": events, "run_id": run_id}
        _replace(self.folder / SENT, json.dumps(state).encode(), waits_for_disk)

    def set_damage_aside(self) -> None:
        """Keep a copy of what is damaged under a telling name, and mend the mark.

        The log has a line about each. Not for the journal of a job that still runs.
        """
        copy, mark = self.folder / DAMAGED_JOURNAL, self.folder / SENT
        with locked(self.path):
            lines = list(self._lines())
            if len(lines) > sum(1 for _ in self.numbered()) and not copy.exists():
                _replace(copy, b"".join(lines))
            if self._mark() is None:
                mark.replace(self.folder / DAMAGED_SENT)
                self.mark_sent(0, None)  # a run may exist; the tag `job` finds it
                log.warning("%s: damaged and kept as %s; all is sent again", mark, DAMAGED_SENT)


def journals(folder: Path, known: Container[str] = ()) -> Iterator[Journal]:
    """Yield the journals in `folder` and below it, except in `known` folders."""
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if f"{place}/{name}" not in known]
        if JOURNAL in files:
            yield Journal(Path(place))


def _replace(path: Path, content: bytes, waits_for_disk: bool = True) -> None:
    tmp = path.with_name(f"{path.name}.new")
    with tmp.open("wb") as file:
        file.write(content)
        file.flush()
        if waits_for_disk:
            os.fsync(file.fileno())
    tmp.replace(path)


def _whole(file: BinaryIO) -> int:
    """Return the size of `file` without the half of a line that a crash left at its end."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1
