"""Keeps the status of a run truthful, whatever ends the job."""

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from src.metrics import Epoch
from src.sender import Sender


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


@contextmanager
def recorded(sender: Sender, **start: Any) -> Iterator[None]:
    """Record the job's start, and its end where the body does not live to do so."""
    sender.append("start", **start)
    try:
        with _terminable():
            yield
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt)
        folder = sender.journal.folder / "artifacts"
        folder.mkdir(exist_ok=True)
        (folder / "traceback.txt").write_text(traceback.format_exc())
        sender.append("files", path="artifacts")
        reason = f"{type(error).__name__}: {error}"[:500]
        tags = {"outcome": "killed" if killed else "failed", "reason": reason}
        sender.append("end", status="KILLED" if killed else "FAILED", tags=tags)
        raise
    finally:
        sender.close()


def logged(epochs: Iterator[Epoch], sender: Sender) -> Iterator[Epoch]:
    """Record each epoch as it passes."""
    for epoch in epochs:
        sender.append("metrics", step=epoch.epoch, values=epoch.metrics)
        yield epoch


@contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated("SIGTERM")

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
