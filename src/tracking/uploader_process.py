"""A process beside a run or a sweep that talks to the tracking server, so that no epoch waits.

It imports MLflow while the run imports torch, and answers requests: methods of UploadService.
"""

import gc
import os
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from src.errors import PEER_CLOSED, InputError
from src.folders import CODE
from src.messages import logs
from src.messages.error_text import root_cause
from src.process.exit import at_end, fast_exit

DETACH_TIMEOUT = 3.0  # seconds that an interrupted run waits for the process, which goes on alone


class UploaderProcess:
    """The process, from its first request until the connection to it is closed."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, ...]] = []
        self.answers = 0
        self.is_replaced = False
        self._start()

    def _start(self) -> None:
        self.conn, theirs = Pipe()
        own = {
            "PYTHONPATH": f"{CODE}:{os.environ.get('PYTHONPATH', '')}",
            "MPLBACKEND": "agg",  # MLflow may import matplotlib; a notebook's may be missing here
        }
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "src.tracking.uploader_process", str(theirs.fileno())],
                env=os.environ | own,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is not for it: it ends when this process does
            )

    def ask(self, method: str, *arguments: Any) -> None:
        """Send a request, whose answer may be received later."""
        self.requests.append((method, *arguments))
        with suppress(ConnectionError):  # `answer` deals with it
            self.conn.send(self.requests[-1])

    def answer(self) -> Any:
        """Return the answer to the oldest request that has none.

        A process that was killed is replaced once, for all requests may be made again. Raises
        InputError where one cannot be met.
        """
        self.conn.poll(None)  # Ctrl-C does no harm here, other than within a message
        try:
            answer = self.conn.recv()
        except PEER_CLOSED as error:
            if self.is_replaced:
                raise InputError(
                    "the process that talks to the tracking server has died twice; "
                    "`python -m src.sync` sends what the server misses"
                ) from error
            self._replace()
            return self.answer()
        self.answers += 1
        if isinstance(answer, InputError):
            raise answer
        return answer

    def call(self, method: str, *arguments: Any) -> Any:
        """Send a request and return its answer."""
        self.ask(method, *arguments)
        return self.answer()

    def _replace(self) -> None:
        self.conn.close()
        self.process.wait()
        before, self.requests, self.is_replaced = self.requests, [], True
        self._start()
        for request in before:
            self.ask(*request)
        answers, self.answers = self.answers, 0
        for _ in range(answers):
            self.answer()

    def attempt(self, method: str, *arguments: Any) -> Any:
        """Make a request that the journals are complete without; return its answer, "" if none."""
        try:
            return self.call(method, *arguments) or ""
        except InputError as error:
            logs.to_stderr(f"warning: {error}")
            return ""

    def close(self, is_abort: bool) -> None:
        """Let the process deliver the rest; after an abort it goes on alone after some seconds."""
        asked = [method for method, *_ in self.requests]
        if "watch" in asked and "deliver" not in asked and not is_abort:
            self.attempt("deliver")
        self.conn.close()
        if not self.answers:
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
    """Answer requests until the other end closes."""
    gc.set_threshold(100_000)  # imports make objects by the million and leave no garbage
    from src.tracking.store import UNREACHABLE
    from src.tracking.upload_service import UploadService

    service = UploadService()
    with suppress(*PEER_CLOSED):
        while True:
            method, *arguments = conn.recv()
            try:
                answer = getattr(service, method)(*arguments)
            except InputError as error:
                answer = error
            except UNREACHABLE as error:
                answer = InputError(f"the tracking server does not answer: {root_cause(error)}")
            conn.send(answer)
    service.end()


if __name__ == "__main__":
    with fast_exit():
        main(Connection(int(sys.argv[1])))
