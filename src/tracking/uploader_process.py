"""A process beside a run or a sweep that talks to the tracking server, so that no epoch waits.

It imports MLflow while the run imports torch, and has a task: a function that gets one end of a
connection, with its arguments.
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from src import CODE, logs
from src.error_text import root_cause
from src.errors import PEER_CLOSED, InputError
from src.process_exit import at_end, fast_exit
from src.signals import STOP_SIGNALS, block_signals, unblock_signals

DETACH_TIMEOUT = 3.0  # seconds that an interrupted run waits for the process, which goes on alone


class UploaderDiedError(InputError):
    """The process is gone; the journals are complete without it."""


class UploaderProcess:
    """The process, for one task; it ends when the task does."""

    def __init__(self) -> None:
        self.conn, theirs = Pipe()
        own = {
            "PYTHONPATH": f"{CODE}:{os.environ.get('PYTHONPATH', '')}",
            "MPLBACKEND": "agg",  # figures become files; a notebook's backend may be missing here
        }
        with block_signals():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "src.tracking.uploader_process", str(theirs.fileno())],
                env=os.environ | own,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        self.is_connected = False
        self.refusal: InputError | None = None

    def begin(self, verbose: Any, task: Callable[..., None], *arguments: Any) -> None:
        """Begin the task; `verbose` is Hydra's setting of that name.

        Its arguments are not on the command line, which every user of the machine can read.
        """
        self.send(verbose, task, *arguments)

    def send(self, *message: Any) -> None:
        """Send a message that the task waits for."""
        with suppress(ConnectionError):  # `receive` raises for it
            self.conn.send(message)

    def receive(self) -> Any:
        """Return the task's next message. Raises InputError when the task cannot be done."""
        self.conn.poll(None)  # Ctrl-C does no harm here, other than within a message
        try:
            message = self.conn.recv()
        except PEER_CLOSED as error:
            raise self.refusal or UploaderDiedError(
                "the process that talks to the tracking server has died; "
                "`python -m src.sync` sends what the server misses"
            ) from error
        if isinstance(message, InputError):
            self.refusal = message
            raise message
        self.is_connected = True
        return message

    def close(self, is_abort: bool) -> None:
        """Let the process finish its task; after an abort it does so alone after some seconds."""
        self.conn.close()
        if not self.is_connected:
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(DETACH_TIMEOUT if is_abort else None)


_started: list[UploaderProcess] = []  # the one of this process, if any


def start_uploader() -> UploaderProcess:
    """Return the uploader process of this process, which begins its imports at the first call."""
    if not _started:
        _started.append(UploaderProcess())
    return _started[0]


def uploader_closed() -> AbstractContextManager[None]:
    """Close the uploader process that the body has started, if any, however the body ends."""

    def close(is_abort: bool) -> None:
        while _started:
            _started.pop().close(is_abort)

    return at_end(close)


def main(conn: Connection) -> None:
    """Run a task that arrives with its arguments."""
    for each in (*STOP_SIGNALS, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the process ends when its parent does
    unblock_signals()
    gc.set_threshold(100_000)  # imports make objects by the million and leave no garbage
    from src.tracking import mlflow_sink, store  # noqa: F401, imports MLflow while it is not yet needed

    with suppress(*PEER_CLOSED):  # the parent was interrupted, or has died
        verbose, task, *arguments = conn.recv()
        logs.show(verbose)
        try:
            task(conn, *arguments)
        except InputError as error:
            conn.send(error)
        except store.UNREACHABLE as error:
            conn.send(InputError(f"the tracking server does not answer: {root_cause(error)}"))


if __name__ == "__main__":
    with fast_exit():
        main(Connection(int(sys.argv[1])))
