"""A process that sends a single job's journal beside it.

It imports MLflow while the job imports torch, and does not slow the training.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from src import ROOT
from src.errors import InputError
from src.journal import Journal
from src.outcomes import close, outcome
from src.sender import HASTE_SECONDS, Sender, open_store
from src.signals import HEARD, ending_at_once, shielding, unshield

READY = "connected"


class Courier:
    """The process that sends the journal of the job in `folder`; `settings` is its `tracking`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        with shielding():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "src.courier"],
                env=os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        # Not as an argument, which every user of the machine can read: the address may hold a
        # password.
        self.process.stdin.write(json.dumps([str(folder), dict(settings)]) + "\n")
        self.process.stdin.flush()
        _begun.append(self)

    def check(self) -> None:
        """Wait until it is connected. Raises InputError when it cannot be."""
        said = self.process.stdout.readline().strip()
        if said != READY:
            raise InputError(said or "the process that sends has died")

    def close(self, in_haste: bool) -> None:
        """Let it send the rest; in haste it goes on alone after a second."""
        self.process.stdin.close()
        self.process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(HASTE_SECONDS if in_haste else None)


_begun: list[Courier] = []


@contextmanager
def couriers() -> Iterator[None]:
    """Close the courier that the body has begun, if any, however it ends."""
    in_haste = True
    try:
        yield
        in_haste = False
    except Exception:
        in_haste = False
        raise
    finally:
        while _begun:
            _begun.pop().close(in_haste)


def main() -> None:
    """What a `Courier` runs: send a journal until the standard input ends."""
    for each in HEARD:
        signal.signal(each, signal.SIG_IGN)  # it ends when its job does
    unshield()
    folder, settings = json.loads(sys.stdin.readline())
    connect = partial(open_store, settings)
    try:
        connect()
    except InputError as error:
        print(error, flush=True)
        return
    with suppress(BrokenPipeError):  # the job was told to stop, or has died
        print(READY, flush=True)
    journal = Journal(Path(folder))
    sender = Sender(journal, connect)
    sys.stdin.read()
    job = outcome(journal)
    if job is None:  # it could not even begin
        return
    if job.status == "RUNNING":  # it could not write its end itself
        close(journal, "KILLED", "its process was gone")
    sender.close()


if __name__ == "__main__":
    with ending_at_once():
        main()
