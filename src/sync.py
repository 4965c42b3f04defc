"""Send what an outage kept from the tracking server: `python -m src.sync [FOLDER …]`.

Without a folder all jobs under outputs are looked at; jobs that still run are left alone. Each
goes where its command said; `tracking.KEY=VALUE` says otherwise, or gives a password.
"""

import logging
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from src import command_line
from src.command_line import folders
from src.config import resolved
from src.errors import ExperimentDeletedError, InputError
from src.messages.error_text import root_cause
from src.process.scheduler import ProcessState
from src.tracking.job_record import JobRecord
from src.tracking.journal import Journal, journals
from src.tracking.repair import end_if_gone
from src.tracking.settings import TrackingSettings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> None:
    """Send the unsent events of every journal, exactly once, and print how many there were.

    Raises InputError when some cannot be sent, after the others.
    """
    overrides = [argument for argument in arguments if "=" in argument]
    places = folders([argument for argument in arguments if "=" not in argument])
    typed = {override.partition("=")[0] for override in overrides}
    given = resolved.settings(overrides)["tracking"]
    instead = {key: value for key, value in given.items() if f"tracking.{key}" in typed}
    waiting = defaultdict(list)
    for record in sorted(_unsent(places), key=_order):
        waiting[replace(record.destination, **instead)].append(record.journal)
    failed = sum(_send(journals, tracking) for tracking, journals in waiting.items())
    print(f"{sum(map(len, waiting.values())) - failed} jobs had something to send")
    if failed:
        raise InputError(f"{failed} jobs could not be sent")


def _order(record: JobRecord) -> tuple[bool, bool, int]:
    """Sort sweeps before their searches, and these before jobs, which go by their numbers."""
    return not record.is_sweep, not record.is_search, record.number


def _send(waiting: Sequence[Journal], tracking: TrackingSettings) -> int:
    """Send to one destination; print what could not be sent and why, and return how many."""
    from src.tracking import embedded, mlflow_sink

    try:
        tracking.connect()
    except InputError as error:
        print(error, file=sys.stderr)
        return 0 if isinstance(error, ExperimentDeletedError) else len(waiting)
    failed = 0
    for journal in waiting:
        try:
            events = mlflow_sink.send(journal, tracking.connect)
        except Exception as error:  # servers, networks and artifact stores raise their own
            log.info("%s: not sent", journal.path, exc_info=True)
            print(f"{journal.folder}: cannot be sent: {root_cause(error)}", file=sys.stderr)
            failed += 1
        else:
            print(f"{journal.folder}: {events} events sent")
    embedded.complete(tracking.uri)
    return failed


def _unsent(places: Sequence[Path]) -> Iterator[JobRecord]:
    for folder in places:
        for journal in sorted(journals(folder), key=lambda journal: journal.folder):
            record = end_if_gone(journal)
            if record is None or not journal.has_unsent:
                continue
            if not os.access(journal.folder, os.W_OK):  # it could not be noted what was sent
                log.warning("%s: left to its owner; it cannot be written to", journal.folder)
                continue
            if record.has_ended and record.process != ProcessState.RUNNING:
                yield record


if __name__ == "__main__":
    command_line.run(main, __doc__)
