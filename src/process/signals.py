"""Ctrl-C and SIGTERM: the first one asks for a stop in good order, the second one ends at once.

A flag decides what the handler does, not `signal.pthread_sigmask`, which is of one thread alone:
the system would hand the signal to another, and Python run the handler in the main thread.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_STATUS = 130  # of an interrupted program, as shells expect


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


# Plain values: a lock, such as an Event has, could be held by the very code that is interrupted.
_is_deferred = _is_stop_requested = False


@contextmanager
def handle_signals() -> Iterator[None]:
    """Let the first signal in the body raise KeyboardInterrupt, and the second end the process.

    An exception in which a library hides that KeyboardInterrupt becomes one again, and one that
    no signal has raised a RuntimeError. A body within another one, or outside the main thread,
    changes no handler.
    """
    global _is_stop_requested
    handlers = _install(_handle)
    try:
        yield
    except BaseException as error:  # of any library that the interrupt has met
        if isinstance(error, Exception) and is_stop(error):
            raise KeyboardInterrupt from error
        if isinstance(error, KeyboardInterrupt) and not is_stop(error):
            raise RuntimeError("KeyboardInterrupt, for which there was no signal") from error
        raise
    finally:
        if handlers:
            _is_stop_requested = False
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _install(handler: Any) -> dict[signal.Signals, Any]:
    """Set the handler of each signal that is neither handled nor ignored; return the former ones.

    A shell lets a program in the background ignore Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    former = {each: signal.getsignal(each) for each in STOP_SIGNALS}
    changed = {k: v for k, v in former.items() if v not in (signal.SIG_IGN, _handle)}
    for each in changed:
        signal.signal(each, handler)
    return changed


def _handle(number: int, frame: object) -> None:
    global _is_stop_requested
    if _is_stop_requested:
        os._exit(EXIT_STATUS)
    _is_stop_requested = True
    if not _is_deferred:
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated("SIGTERM")


def exit_until_handled() -> None:
    """End the process at a signal before `handle_signals`: there is nothing yet to put in order."""
    _install(lambda *_: os._exit(EXIT_STATUS))


@contextmanager
def defer_stop() -> Iterator[None]:
    """Let the first signal wait for the body: a short one, or C++ that an exception crashes."""
    global _is_deferred
    former, _is_deferred = _is_deferred, True
    try:
        yield
    finally:
        _is_deferred = former
        raise_if_stop_requested()


def stop_requested() -> bool:
    """Return whether a signal has come, even if its exception was lost.

    It is lost in callbacks of Python's own, such as a weak reference's.
    """
    return _is_stop_requested


def is_stop(error: BaseException) -> bool:
    """Return whether a signal has ended a body, rather than an exception of its own code.

    Python's own handler leaves no trace: where it is at work a KeyboardInterrupt is a signal's.
    """
    is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return _is_stop_requested or (is_pythons and isinstance(error, KeyboardInterrupt))


def raise_if_stop_requested() -> None:
    """Raise KeyboardInterrupt if a signal has come, and its own exception was lost or deferred."""
    if _is_stop_requested:
        raise KeyboardInterrupt
