"""Send what an outage kept from the tracking server: `python -m src.sync [FOLDER …]`.

Without a folder all jobs under outputs are looked at; jobs that still run are left alone. Each
goes where its command said; `tracking.KEY=VALUE` says otherwise, or gives a password.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from src import ROOT, config
from src.error_text import root_cause
from src.errors import InputError
from src.process_exit import fast_exit
from src.tracking import outcomes
from src.tracking.journal import Journal
from src.tracking.outcomes import Outcome
from src.tracking.sender import open_store, send


def main(arguments: Sequence[str]) -> None:
    """Send the unsent events of every journal, exactly once, and say how many there were.

    Raises InputError when some cannot be sent, after the others.
    """
    if {"-h", "--help"} & {*arguments}:
        print(__doc__.strip())
        return
    overrides = [argument for argument in arguments if "=" in argument]
    folders = [Path(argument) for argument in arguments if "=" not in argument]
    settings, given = config.settings(overrides), {o.partition("=")[0] for o in overrides}
    instead = {k: v for k, v in settings["tracking"].items() if f"tracking.{k}" in given}
    waiting = defaultdict(list)
    for job in _unsent(folders or [ROOT / "outputs"]):
        where = settings["tracking"] | job.tracking | instead
        waiting[tuple(where.items())].append(job.journal)
    failed = sum(_send(journals, dict(where)) for where, journals in waiting.items())
    print(f"{sum(map(len, waiting.values())) - failed} jobs had something to send")
    if failed:
        raise InputError(f"{failed} jobs could not be sent")


def _send(journals: Sequence[Journal], tracking: Mapping[str, str]) -> int:
    """Send to one destination; how many could not be sent, of which it says why."""
    connect, failed = partial(open_store, tracking), 0
    try:
        connect()
    except InputError as error:
        print(error, file=sys.stderr)
        return len(journals)
    for journal in journals:
        try:
            events = send(journal, connect)
        except Exception as error:  # whatever a server, a network or an artifact store may throw
            print(f"{journal.folder}: cannot be sent: {root_cause(error)}", file=sys.stderr)
            failed += 1
        else:
            print(f"{journal.folder}: {events} events sent")
    return failed


def _unsent(folders: Sequence[Path]) -> Iterator[Outcome]:
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no folder; without one, outputs is looked at")
        for job in outcomes.settled(folder):
            may_run = job.process == "alive" or job.status == "RUNNING"
            if job.journal.has_unsent and not may_run:
                yield job


if __name__ == "__main__":
    with fast_exit():
        try:
            main(sys.argv[1:])
        except InputError as error:
            sys.exit(str(error))
