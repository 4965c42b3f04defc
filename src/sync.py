"""Send what an outage kept from the tracking server: `python -m src.sync [FOLDER …]`.

Without a folder all jobs under outputs are looked at; jobs that still run are left alone.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from src import ROOT, config, outcomes
from src.errors import InputError
from src.journal import Journal
from src.provenance import reason
from src.sender import open_store, send
from src.signals import ending_at_once


def main(arguments: Sequence[str]) -> None:
    """Send the unsent events of every journal, exactly once, and say how many there were.

    Raises InputError when some cannot be sent, after the others.
    """
    settings = config.settings([a for a in arguments if "=" in a])
    folders = [Path(a) for a in arguments if "=" not in a] or [ROOT / "outputs"]
    connect = partial(open_store, settings["tracking"])
    sent = failed = 0
    for journal in _unsent(folders):
        connect()
        try:
            events = send(journal, connect)
        except Exception as error:  # whatever a server, a network or an artifact store may throw
            print(f"{journal.folder}: cannot be sent: {reason(error)}", file=sys.stderr)
            failed += 1
        else:
            print(f"{journal.folder}: {events} events sent")
            sent += 1
    print(f"{sent} jobs had something to send")
    if failed:
        raise InputError(f"{failed} jobs could not be sent")


def _unsent(folders: Sequence[Path]) -> Iterator[Journal]:
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no folder; without one, outputs is looked at")
        for job in outcomes.settled(folder):
            may_run = job.process == "alive" or job.status == "RUNNING"
            if job.journal.has_unsent and not may_run:
                yield job.journal


if __name__ == "__main__":
    with ending_at_once():
        try:
            main(sys.argv[1:])
        except InputError as error:
            sys.exit(str(error))
