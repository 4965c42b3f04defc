"""How a process ends: of itself, and by Ctrl-C or SIGTERM, in good order or at once."""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import util
from pathlib import Path

# Set where a launcher such as joblib's cleans up only when Python takes its modules apart.
to_take_apart = threading.Event()
# Set from the first signal on: an exception that it raises in a callback of Python's own, such as
# a weak reference's, is lost there.
told_to_stop = threading.Event()
_armed = threading.Event()  # set while signals are heard
_held_back = threading.Event()  # set while the first signal has to wait
_expendable = threading.Event()  # set while there is nothing that a signal could harm
HEARD = (signal.SIGINT, signal.SIGTERM)
EXIT_STATUS = 130  # what a shell expects of an interrupted program


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the body the first signal raises KeyboardInterrupt, and another ends the process.

    So does what the first one came to in a library that took it for an error of its own. Within
    another such body the signals stay the outer one's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {} if _armed.is_set() else {each: signal.getsignal(each) for each in HEARD}
    _armed.set()
    for each, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(each, _stop)
    try:
        yield
    except Exception as error:
        if told_to_stop.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        if before:
            _armed.clear()
            told_to_stop.clear()
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(number: int, frame: object) -> None:
    if _expendable.is_set():
        os._exit(EXIT_STATUS)
    told_to_stop.set()
    for each in HEARD:
        signal.signal(each, lambda *_: os._exit(EXIT_STATUS))
    if not _held_back.is_set():
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated("SIGTERM")


@contextmanager
def in_one_piece() -> Iterator[None]:
    """Let the first signal wait until the body, which must be short, is done."""
    try:
        with _set(_held_back):
            yield
    finally:
        stop_if_told()


def expendable() -> AbstractContextManager[None]:
    """Let a signal end the process at once: imports of C++ crash on an exception."""
    return _set(_expendable)


@contextmanager
def _set(flag: threading.Event) -> Iterator[None]:
    flag.set()
    try:
        yield
    finally:
        flag.clear()


def stop_if_told() -> None:
    """Raise KeyboardInterrupt if a signal came whose own was lost or held back."""
    if told_to_stop.is_set():
        raise KeyboardInterrupt


@contextmanager
def shielding() -> Iterator[None]:
    """A process that starts in the body gets no signal before it calls `unshield`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unshield() -> None:
    """Let signals through: the process has said what they do to it."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """End the process after the body without taking apart what it has imported.

    Of torch and MLflow that takes two seconds, in which nothing happens that anyone needs.
    """
    status = 1  # of an exception that nobody catches

    def leave() -> None:
        if to_take_apart.is_set():
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # who reads it may have gone
                stream.flush()
        util._exit_function()  # removes semaphores; Python's own call of it would come later
        os._exit(status)

    atexit.register(leave)  # what is registered first is run last
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: its number would be that of the next file
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115, as long as it lives
        getattr(sys, name).reconfigure(errors="replace")  # what a terminal lacks ends no sweep
    try:
        yield
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
