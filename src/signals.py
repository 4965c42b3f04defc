"""Ctrl-C and SIGTERM: the first ends the work in good order, the second at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_STATUS = 130  # what a shell expects of an interrupted program


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the body the first signal raises KeyboardInterrupt, and another ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: os._exit(EXIT_STATUS))
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated("SIGTERM")

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
