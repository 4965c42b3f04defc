"""The index of results by fingerprint: what is done already, and what was cut off.

In the folder `results` lie `FINGERPRINT.result` with the folders of finished jobs, `DIGEST.typed`
with those of jobs of the same overrides, `JOB.open` with the folder of a journal that has not ended
or of which the tracking server misses a part, and the index's `name`; in `checkpoints` lies
`FINGERPRINT.pt` of a job that was cut off. Folders beside the index are named relative to it, so
that all can be moved.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from src.config.resolved import settings
from src.config.schema import experiment_overrides
from src.messages.addresses import local_path
from src.tracking.event import Event
from src.tracking.job_record import Action, JobRecord, fold_readable
from src.tracking.journal import SWEEP_DEPTH, Journal
from src.tracking.lock import locked
from src.tracking.settings import TrackingSettings

NAME = "name"
ANY_NAME = "surrogateescape"  # the names of folders may be any bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decision:
    """An action for a job, and the finished job that makes its training needless."""

    action: Action
    source: JobRecord | None = None


@dataclass(frozen=True)
class ResultIndex:
    """The index in `folder`, as far as it concerns one experiment."""

    folder: Path
    checkpoints: Path
    tracking: TrackingSettings

    @classmethod
    def of(cls, nested: Mapping[str, Any]) -> Self:
        """Return the index that a job's config names."""
        folders = Path(nested["results"]), Path(nested["checkpoints"])
        return cls(*folders, TrackingSettings.of(nested["tracking"]))

    @classmethod
    def by_default(cls, tracking: TrackingSettings) -> Self:
        """Return the index that the config's defaults name, for an experiment."""
        return replace(cls.of(settings([])), tracking=tracking)

    @property
    def name(self) -> str:
        """The index's own name, a tag of the runs known here; "" before any began.

        The file's number in its file system tells a copy from the original, which has other runs.
        """
        path = self.folder / NAME
        try:
            return f"{path.read_text()}-{path.stat().st_ino:x}"
        except OSError:
            return ""

    def decide(self, fingerprint: str, checkpoint: Path | None, reuse: bool = True) -> Decision:
        """Return whether a job is taken from an earlier one, goes on, or is trained.

        `checkpoint` is where its checkpoint may lie; None: it would go on from none.
        """
        if reuse and (source := self.find(fingerprint)):
            return Decision(Action.REUSE, source)
        has_begun = checkpoint is not None and checkpoint.exists()
        return Decision(Action.RESUME if has_begun else Action.TRAIN)

    def find(self, fingerprint: str) -> JobRecord | None:
        """Return a finished job of this fingerprint, the first that still has journal and files.

        Where a job's files are gone, the jobs that were reused from it have none either.
        """
        has_lost_files = False
        for folder in self.folders(fingerprint):
            found = fold_readable(Journal(folder))
            if not found or not found.is_whole or found.fingerprint != fingerprint:
                continue
            if not found.destination.is_same_experiment(self.tracking):
                continue
            if self._has_lost_files(found):
                has_lost_files = True
            elif not (has_lost_files and found.action == Action.REUSE):
                return found
        return None

    def _has_lost_files(self, record: JobRecord) -> bool:
        """Return whether the files of a job are gone from this machine, as after `mlflow gc`.

        Those of a server, or of an artifact store elsewhere, are not looked for.
        """
        if not record.has_files or record.run_id is None or not self.tracking.is_embedded:
            return False
        places = {record.destination.artifacts, self.tracking.artifacts}
        folders = [path / record.run_id for place in places if (path := local_path(place))]
        is_kept = len(folders) < len(places) or any(map(os.path.exists, folders))
        return not is_kept and not record.journal.has_unsent

    def add(self, fingerprint: str, journal: Journal, typed: Sequence[str] | None = None) -> None:
        """Let a finished job be found, by its fingerprint and by its overrides as typed.

        A job whose entry cannot be written, as where it is another user's, has finished all the
        same; the log has a line about that.
        """
        names = [self.folder / f"{fingerprint}.result"]
        names += [self._typed(typed)] if typed is not None else []
        try:
            for path in names:
                self._append(path, journal.folder)
        except OSError as error:
            log.warning("%s: will not be found again: %s", journal.folder, error)

    def folders(self, fingerprint: str) -> list[Path]:
        """Return the folders of all finished jobs of this fingerprint."""
        return self._folders(self.folder / f"{fingerprint}.result")

    def last_typed(self, typed: Sequence[str]) -> JobRecord | None:
        """Return the last job that finished with these overrides, whatever they meant then."""
        for folder in reversed(self._folders(self._typed(typed))):
            if record := fold_readable(Journal(folder)):
                return record
        return None

    def journals(self) -> list[Journal]:
        """Return those of the jobs that are known here, and of their sweeps, wherever they lie."""
        paths = [*self.folder.glob("*.result"), *self.folder.glob("*.open")]
        folders = [folder for path in paths for folder in self._folders(path)]
        return [Journal(folder) for folder in dict.fromkeys([*folders, *_above(folders)])]

    def _typed(self, typed: Sequence[str]) -> Path:
        content = json.dumps(sorted(experiment_overrides(typed))).encode()
        return self.folder / f"{hashlib.sha256(content).hexdigest()[:16]}.typed"

    def lineage(self, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """Return the sweeps that had a job of the same fingerprint as one of `jobs`, oldest first.

        They have looked at their jobs before.
        """
        known = dict.fromkeys(job.fingerprint for job in jobs if job.fingerprint)
        folders = [folder for fingerprint in known for folder in self.folders(fingerprint)]
        folders += [job.journal.folder.absolute() for job in jobs]
        found: dict[str, JobRecord] = {}
        for above in _above(folders):
            if (record := fold_readable(Journal(above))) and record.is_sweep:
                found[record.job_id] = record
        return sorted(found.values(), key=lambda record: record.start_time)

    def import_result(self, fingerprint: str, run_id: str, events: Sequence[Event]) -> None:
        """Keep a journal of a run that the server has of a job trained elsewhere."""
        journal = Journal(self.folder / "imported" / run_id)
        journal.write(events, run_id)
        self.add(fingerprint, journal)

    def has_lost(self) -> bool:
        """Return whether the journal of any known result is gone."""
        folders = (each for path in self.folder.glob("*.result") for each in self._folders(path))
        return not all(Journal(folder).path.exists() for folder in folders)

    def was_reached(self) -> bool:
        """Return whether the experiment has taken the run of any known result."""
        return any(
            (record := self.find(path.stem)) and record.run_id
            for path in self.folder.glob("*.result")
        )

    def checkpoint(self, fingerprint: str, is_single: bool = False) -> Path:
        """Return the file in which a job keeps what it needs to go on, apart for a single run."""
        return self.checkpoints / f"{fingerprint}{'.run' * is_single}.pt"

    @contextmanager
    def alone(self, fingerprint: str, wait: bool = True) -> Iterator[bool]:
        """Let one process at a time work on a fingerprint.

        Yields False where this is not the one: another works on it and is not waited for, or the
        lock cannot be had, such as one that another user has left.
        """
        with ExitStack() as stack:
            try:
                is_alone = stack.enter_context(locked(self.checkpoint(fingerprint), wait))
            except OSError as error:
                log.warning("%s: no lock (%s); no checkpoint is kept", fingerprint, error.strerror)
                is_alone = False
            yield is_alone

    def open(self, job_id: str, journal: Journal) -> None:
        """Note that a run or a sweep has begun; a later one ends what was killed."""
        self._append(self.folder / f"{job_id}.open", journal.folder)
        with suppress(FileExistsError), (self.folder / NAME).open("x") as file:
            file.write(os.urandom(8).hex())

    def close(self, job_id: str) -> None:
        """Note that a run or a sweep has ended and was sent whole."""
        with suppress(OSError):  # gone already, or another user's
            (self.folder / f"{job_id}.open").unlink()

    def opened(self) -> Iterator[tuple[str, Path]]:
        """Yield job id and folder of what has not been closed."""
        for path in sorted(self.folder.glob("*.open")):
            yield from ((path.stem, folder) for folder in self._folders(path)[:1])

    def _folders(self, path: Path) -> list[Path]:
        try:
            text = path.read_text(encoding="utf-8", errors=ANY_NAME)
            base = self.folder.absolute()
            return [Path(os.path.normpath(base / line)) for line in text.splitlines() if line]
        except FileNotFoundError:
            return []
        except OSError:
            log.debug("%s: not read", path, exc_info=True)
            return []

    def _append(self, path: Path, folder: Path) -> None:
        base, folder = self.folder.absolute(), folder.absolute()
        if folder.is_relative_to(base.parent):
            folder = Path(os.path.relpath(folder, base))
        self.folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors=ANY_NAME) as file:
            file.write(f"{folder}\n")


def _above(folders: Sequence[Path]) -> list[Path]:
    """Return the folders above `folders` in which journals of their sweeps may lie."""
    return list(dict.fromkeys(up for each in folders for up in [*each.parents][:SWEEP_DEPTH]))
