"""The end of a process: quick, with its exit status and all of its output."""

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import util
from pathlib import Path

from src.process.signals import EXIT_STATUS, handle_signals

_status = 1  # of an exception that nobody catches


@contextmanager
def at_end(close: Callable[[bool], object]) -> Iterator[None]:
    """Call `close` however the body ends; with True after an interrupt, which waits for nothing."""
    is_abort = True
    try:
        yield
        is_abort = False
    except Exception:  # is no interrupt
        is_abort = False
        raise
    finally:
        close(is_abort)


@contextmanager
def fast_exit() -> Iterator[None]:
    """End the process after the body without taking apart what it has imported.

    Tearing down torch and MLflow takes two seconds and does nothing useful. Ctrl-C, SIGTERM and a
    reader that has gone end the process quietly.
    """
    global _status
    atexit.register(_leave)  # the first to be registered runs last
    _make_streams_usable()
    try:
        with handle_signals():
            yield
        _status = 0
    except KeyboardInterrupt:
        _status = EXIT_STATUS
        sys.exit(EXIT_STATUS)
    except BrokenPipeError:  # such as of `| head`
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115, nothing is left to flush
        sys.exit(1)
    except SystemExit as end:
        _status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


@contextmanager
def quick_teardown() -> Iterator[None]:
    """End the process, if the body ends well, without taking apart what it has imported."""
    global _status
    atexit.register(_leave)
    try:
        yield
    except BaseException:
        atexit.unregister(_leave)
        raise
    _status = 0


def require_normal_shutdown() -> None:
    """Undo `fast_exit`: launchers such as joblib's clean up when Python takes its modules apart."""
    atexit.unregister(_leave)


def _leave() -> None:
    remove_semaphores = getattr(util, "_exit_function", None)  # Python's own call would come later
    if remove_semaphores is None:
        return  # to Python's end, which takes its time
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader may have gone
            stream.flush()
    remove_semaphores()
    os._exit(_status)


def _make_streams_usable() -> None:
    """Open closed streams, and replace characters that a terminal lacks.

    The number of a closed stream would be that of the next file.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115, as long as it lives
        getattr(sys, name).reconfigure(errors="replace")
