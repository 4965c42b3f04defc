"""Repair of journals whose process is gone: their end is written for it."""

import logging

from src.process import scheduler
from src.process.scheduler import ProcessState
from src.status import Outcome
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord, Status, fold
from src.tracking.journal import Journal

log = logging.getLogger(__name__)


def end_if_gone(journal: Journal) -> JobRecord | None:
    """Return the record of a journal, after the run of a process that is gone was ended.

    Damage in the journal of such a process is set aside. A journal that cannot be read, or not
    be mended, is left as it is; the log has a line about each.
    """
    try:
        record = fold(journal)
        return _mended(record) if record and record.process != ProcessState.RUNNING else record
    except OSError as error:  # such as another user's, or in a read-only folder
        log.warning("%s: left as it is: %s", journal.path, error.strerror)
        return None


def _mended(record: JobRecord) -> JobRecord:
    record.journal.set_damage_aside()
    if not record.has_ended and record.process == ProcessState.ENDED:
        job = record.tags.get("scheduler_job", "")
        word = next(iter(scheduler.words(job).values()), "") if job else ""
        said = f"; SLURM says {word}" if word else ""
        end(record.journal, Status.KILLED, f"its process was gone{said}")
    elif record.process == ProcessState.QUEUED and not (record.has_ended or record.is_sweep):
        record.journal.append(EventKind.REQUEUED)
    return fold(record.journal) or record


def end(journal: Journal, status: Status, reason: str = "") -> None:
    """Write the end of a job, for a process that may not have been able to do so itself."""
    tags = {"outcome": Outcome(status.lower())} | ({"reason": reason} if reason else {})
    journal.append(EventKind.END, status=status, tags=tags)


def goes_on(sweep: Journal) -> bool:
    """Return whether a scheduler has jobs of a sweep that wait or run, whoever waits for them.

    One that does not answer now has them still, for all that is known.
    """
    record = fold(sweep)
    job = record.tags.get("scheduler_job") if record and not record.has_ended else None
    return job is not None and scheduler.state(job) != ProcessState.ENDED
