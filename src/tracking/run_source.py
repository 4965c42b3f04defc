"""The source of the runs that a command asks for: a tracking server, else this machine."""

import sys

from src.errors import AccessDeniedError, InputError
from src.tracking.job_record import JobRecord
from src.tracking.offline import Offline
from src.tracking.server import Server
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_runs import SweepRuns, has_weights

RunSource = Server | Offline


def reach(tracking: TrackingSettings) -> RunSource:
    """Return the tracking server, or while it is away what lies on this machine, with a note.

    Raises InputError where there is neither.
    """
    try:
        return Server(tracking.open())
    except AccessDeniedError:
        raise
    except InputError as error:
        local = Offline(tracking)
        if not local.records:
            raise
        print(f"note: {error}; the journals on this machine are used", file=sys.stderr)
        return local


def find_run(source: RunSource, run_id: str) -> JobRecord:
    """Return the record of a job. Raises InputError for another run or one without weights."""
    record = source.run(run_id)
    if not has_weights(record):
        why = record.reason or record.outcome or record.status
        raise InputError(f"run={run_id}: has no weights: {why}")
    return record


def find_sweep(source: RunSource, wanted: str | None) -> SweepRuns:
    """Return a sweep, without an id the last. Raises InputError where no run of it finished."""
    run_id = wanted or "last"
    found = source.sweep(run_id)
    if not found.usable:
        raise InputError(f"sweep={run_id}: none of its {len(found.records)} runs has weights")
    return found
