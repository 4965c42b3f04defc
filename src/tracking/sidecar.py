"""A process that talks to the tracking server, so that no epoch waits for it.

It imports MLflow while others import torch.
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from src import ROOT
from src.error_text import root_cause
from src.errors import GONE, InputError
from src.process_exit import fast_exit
from src.signals import STOP_SIGNALS, block_signals, unblock_signals

PARTING_SECONDS = 3.0  # how long who was told to stop waits for it; it goes on alone then


class Sidecar:
    """The process, for one task; it ends when the task does."""

    def __init__(self) -> None:
        self.line, theirs = Pipe()
        with block_signals():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "src.tracking.sidecar", str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        self.has_begun = False
        self.refusal: InputError | None = None

    def send(self, *words: Any) -> None:
        """Say what the task is, with its arguments, or later something that it waits for.

        Not on the command line, which every user of the machine can read.
        """
        with suppress(ConnectionError):  # whoever waits for an answer learns of it
            self.line.send(words)

    def receive(self) -> Any:
        """Wait for what the task says. Raises InputError if it cannot be done."""
        self.line.poll(None)  # where Ctrl-C does no harm, other than within a message
        try:
            said = self.line.recv()
        except GONE as error:
            raise self.refusal or InputError(
                "the process that talks to the tracking server has died; what that misses, "
                "`python -m src.sync` sends"
            ) from error
        if isinstance(said, InputError):
            self.refusal = said
            raise said
        self.has_begun = True
        return said

    def close(self, in_haste: bool) -> None:
        """Let it finish its task; in haste it does so alone after some seconds."""
        self.line.close()
        if not self.has_begun:
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PARTING_SECONDS if in_haste else None)


_started: list[Sidecar] = []  # the one of this process, if any


def start_sidecar() -> Sidecar:
    """The sidecar of this process, which begins its imports when it is first asked for."""
    if not _started:
        _started.append(Sidecar())
    return _started[0]


@contextmanager
def sidecar_closed() -> Iterator[None]:
    """Let go of the sidecar that the body has started, if any, however it ends."""
    in_haste = True
    try:
        yield
        in_haste = False
    except Exception:
        in_haste = False
        raise
    finally:
        while _started:
            _started.pop().close(in_haste)


def main(line: Connection) -> None:
    """What a `Sidecar` runs: a task, with its arguments."""
    for each in (*STOP_SIGNALS, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # it ends when who sent it does
    unblock_signals()
    gc.set_threshold(100_000)  # imports make objects by the million and leave no garbage
    from src.tracking import client  # imports MLflow while it is not yet needed

    with suppress(*GONE):  # who sent it was told to stop, or has died
        task, *arguments = line.recv()
        try:
            task(line, *arguments)
        except InputError as error:
            line.send(error)
        except client.UNREACHABLE as error:
            line.send(InputError(f"the tracking server does not answer: {root_cause(error)}"))


if __name__ == "__main__":
    with fast_exit():
        main(Connection(int(sys.argv[1])))
