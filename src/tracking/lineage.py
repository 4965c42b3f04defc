"""The lineage of a sweep: the sweeps that had jobs of its own before, and looked at them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import SWEEP_DEPTH, Journal
from src.tracking.result_index import ResultIndex


def sweeps_of(jobs: Sequence[JobRecord], index: ResultIndex) -> list[JobRecord]:
    """Return the sweeps that had a job of the same fingerprint as one of `jobs`, oldest first."""
    fingerprints = dict.fromkeys(job.fingerprint for job in jobs if job.fingerprint)
    folders = [folder for each in fingerprints for folder in index.folders(each)]
    folders += [job.journal.folder.absolute() for job in jobs]
    above = dict.fromkeys(parent for each in folders for parent in [*each.parents][:SWEEP_DEPTH])
    found = {record.job_id: record for folder in above if (record := _sweep(folder))}
    return sorted(found.values(), key=lambda record: record.start_time)


def _sweep(folder: Path) -> JobRecord | None:
    with suppress(OSError):  # another user's
        record = fold(Journal(folder))
        return record if record and record.is_sweep else None
    return None
