"""Jobs on machines that do not see their sweep's folder, known through the tracking server."""

import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.errors import InputError
from src.messages.addresses import is_database, local_path
from src.messages.error_text import told_as
from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import FILES, Journal
from src.tracking.run_files import fetch as fetch_file
from src.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from src.training.checkpoint import Checkpoint

CHECKPOINT = "checkpoint.pt"  # the artifact that a job may leave while it runs

log = logging.getLogger(__name__)


def is_seen(sweep: Path, sweep_id: str) -> bool:
    """Return whether this machine sees the folder of a sweep, rather than one of the same name."""
    record = fold(Journal(sweep))
    return record is not None and record.job_id == sweep_id


def check(tracking: TrackingSettings, sweep: Path) -> None:
    """Raise InputError where what a job records on this machine would reach nobody."""
    is_own = is_database(tracking.uri) and local_path(tracking.artifacts) is not None
    if tracking.is_embedded or is_own:
        raise InputError(
            f"tracking.uri={tracking.public.uri}: must be a server, or {sweep} be shared: "
            f"{socket.gethostname()} does not see that folder"
        )


def fetch(
    tracking: TrackingSettings,
    sweep: Path,
    sweep_id: str,
    known: Collection[int] = (),
    only: int | None = None,
) -> Iterator[JobRecord]:
    """Write a journal below `sweep` for each job that the server has and whose number is not known.

    The server is asked for all of them, or for `only` one. Yields their records. Raises what the
    server or the network raises.
    """
    from src.tracking import mlflow_source

    store = tracking.connect()
    for number, run_id, events in mlflow_source.jobs_by_number(store, sweep_id, known, only):
        journal = Journal(sweep / str(number))
        journal.write(events, run_id)
        if record := fold(journal):
            yield record


def take_over(tracking: TrackingSettings, journal: Journal, sweep_id: str, number: int) -> None:
    """Let a job go on in the run of its earlier attempt on another machine, if there was one.

    Raises InputError where the server does not answer.
    """
    with told_as(f"tracking.uri={tracking.public.uri}"):
        for record in fetch(tracking, journal.folder.parent, sweep_id, only=number):
            log.info("%s: goes on as the run %s", journal.folder, record.run_id)


def leaving(
    checkpoint: "Checkpoint", journal: Journal, minutes: float | None
) -> Callable[..., None]:
    """Return a function that saves a checkpoint and leaves a copy every so many minutes."""
    last_left = time.monotonic()

    def save(*state: Any) -> None:
        nonlocal last_left
        checkpoint.save(*state)
        if minutes is not None and time.monotonic() - last_left >= 60 * minutes:
            leave(checkpoint.path, journal)
            last_left = time.monotonic()

    return save


def leave(checkpoint: Path, journal: Journal) -> None:
    """Queue a copy of a checkpoint for the server, so that the job can go on anywhere."""
    copy = journal.folder / FILES / CHECKPOINT
    copy.parent.mkdir(exist_ok=True)
    tmp = copy.with_suffix(".new")
    shutil.copyfile(checkpoint, tmp)
    tmp.replace(copy)
    journal.append_files([copy])


def take_up(tracking: TrackingSettings, journal: Journal, checkpoint: Path) -> None:
    """Put the checkpoint that an earlier attempt has left to `checkpoint`, unless there is none."""
    record = fold(journal)
    if record is None or record.run_id is None or checkpoint.exists():
        return
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=checkpoint.parent) as folder:
        try:
            found = fetch_file(tracking.connect, record, CHECKPOINT, Path(folder))
        except InputError as nothing:
            log.info("%s: begins anew: %s", journal.folder, nothing)
        else:
            shutil.copyfile(found, copy := Path(folder, "copy"))
            copy.replace(checkpoint)
