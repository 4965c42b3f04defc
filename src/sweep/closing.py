"""The end of a queued sweep, written by the process that first finds all of its jobs ended."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from src.config import resolved
from src.config.compare_settings import CompareSettings
from src.errors import InputError
from src.messages.error_text import root_cause
from src.process import scheduler
from src.process.scheduler import ProcessState
from src.provenance import REPORT_TAGS
from src.tracking.job_record import JobRecord, Status, fold
from src.tracking.journal import Journal
from src.tracking.lock import locked
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals

if TYPE_CHECKING:
    from src.compare.answer import Result


def going_on_note(sweep: Journal, jobs: Sequence[JobRecord]) -> str:
    """Return how to see and to cancel the jobs of a sweep that go on without its process."""
    tags = record.tags if (record := fold(sweep)) else {}
    done = sum(job.status == Status.FINISHED for job in jobs)
    queue = tags["scheduler_job"].rpartition(":")[2].replace(",", " ")
    return (
        f"{done} of {tags.get('jobs', len(jobs))} jobs are finished; the others go on. "
        f"`python -m src.sweeps` shows them, and `scancel {queue}` cancels them."
    )


def close_if_ended(sweep: Journal, index: ResultIndex) -> bool:
    """Compare the jobs of a queued sweep, and end it, when all of them have ended.

    Only the first of several concurrent processes does it. Returns whether this one did.
    """
    record = fold(sweep)
    if record is None or not record.is_sweep or not {"scheduler_job", "jobs"} <= {*record.tags}:
        return False
    journals = SweepJournals(sweep)
    with locked(sweep.folder / "closing"):
        record = fold(sweep) or record
        if record.has_ended or not _all_ended(record, jobs := journals.end_gone_jobs()):
            return False
        report = {key: record.tags[key] for key in REPORT_TAGS if key in record.tags}
        settings = CompareSettings.stored(record.params, resolved.settings([])["compare"])
        has_result = True
        try:
            conclude_jobs(journals, jobs, index, settings, report)
        except (InputError, OSError) as error:
            print(f"No comparison: {root_cause(error)}")
            has_result = False
        is_whole = len(jobs) == int(record.tags["jobs"]) and not any(j.has_failed for j in jobs)
        end(sweep, Status.FINISHED if is_whole and has_result else Status.FAILED)
    return True


def _all_ended(sweep: JobRecord, jobs: Sequence[JobRecord]) -> bool:
    """Return whether neither a journal nor the scheduler tells of a job that is to come."""
    if not all(job.has_ended for job in jobs):
        return False
    queue = sweep.tags["scheduler_job"]
    if not scheduler.is_reached(queue):
        return len(jobs) == int(sweep.tags["jobs"])
    states = {job: scheduler.queue_state(word) for job, word in scheduler.words(queue).items()}
    active = {job for job, state in states.items() if state != ProcessState.ENDED}
    ended = {job.tags.get("scheduler_job", "").rpartition(":")[2] for job in jobs}
    return active <= ended


def conclude_jobs(
    sweep: SweepJournals,
    jobs: Sequence[JobRecord],
    index: ResultIndex,
    settings: CompareSettings,
    report: Mapping[str, str],
) -> "Result":
    """Answer what a sweep asks; write the report unless it has ended. Raises InputError."""
    from src.answers import record
    from src.answers.recorded_jobs import conclude
    from src.compare import Comparison

    own = fold(sweep.sweep)
    records = [*jobs, *sweep.searches()]
    found = conclude(records, settings, own.tags if own else {}, lineage=index.lineage(jobs))
    if own and not own.has_ended:
        if isinstance(found, Comparison):
            record.record_look(found, jobs, sweep.sweep)
        record.record(found, sweep.sweep, report)
    return found
