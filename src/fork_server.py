"""The process from which others fork, after it has imported what is slow to import.

https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
"""

import atexit
import logging
import multiprocessing
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing import forkserver, process, resource_tracker, util
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from src.errors import JobError
from src.process_identity import is_alive, machine_id, process_id
from src.signals import block_signals

PRELOAD = "src.fork_server_preload"
LONGEST_FOLDER = 70  # a socket's path has at most 107 characters (unix(7)), 32 of them its name
SHORT_FOLDER = "/tmp"
ATTEMPTS, PAUSE_SECONDS = 4, 0.2
SEMAPHORES = Path("/dev/shm")  # sem_overview(7)

log = logging.getLogger(__name__)


def start(preload: Sequence[str]) -> ForkServerContext:
    """Return the context whose processes fork from one that imports the modules of `preload`.

    That process is started if none runs, and has then only begun to import.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD, *preload])
    _name_leftovers()
    # The tracker is replaced when it is killed, and the next sweep removes what that one forgets.
    warnings.filterwarnings("ignore", "resource_tracker: process died unexpectedly")
    resource_tracker.ensure_running()  # which would let signals through when it starts
    with block_signals():
        forkserver.ensure_running()
    return context


def fork(target: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Start a process that calls `target`; replace the fork server if it was killed.

    Raises JobError if it dies again and again.
    """
    for attempt in range(ATTEMPTS):
        time.sleep(attempt * PAUSE_SECONDS)  # its sockets close before it counts as dead
        child = multiprocessing.get_context("forkserver").Process(
            target=target, args=arguments, daemon=True
        )
        try:
            child.start()
        except (EOFError, ConnectionError) as error:
            cause = error
            log.debug("the fork server is gone", exc_info=True)
            with block_signals():
                forkserver.ensure_running()
        else:
            return child
    raise JobError("the process from which workers fork was killed, or is out of memory") from cause


def wait_until_warm() -> None:
    """Return when the imports are done, which is when the first process has forked."""
    fork(int).join()


def _name_leftovers() -> None:
    """Name this process in all that would be left of it if it were killed, and remove such.

    That is the folder of multiprocessing's sockets, and its semaphores, which the resource
    tracker would remove but for its own death.
    """
    folder = tempfile.gettempdir()
    if len(folder) > LONGEST_FOLDER:
        folder = SHORT_FOLDER
    _remove_leftovers(Path(folder))
    former, tempfile.tempdir = tempfile.tempdir, folder
    try:
        Path(util.get_temp_dir(), _own_name()).touch()
    finally:
        tempfile.tempdir = former
    atexit.register(track_again)
    # Private, and what differs elsewhere: only then are semaphores of the killed not removed.
    getattr(process.current_process(), "_config", {})["semprefix"] = f"/{_own_name()}"


def track_again() -> None:
    """Register this process's semaphores again before they end.

    A resource tracker that has replaced a killed one prints a traceback for each that it does
    not know; to one that knows them it makes no difference.
    """
    for semaphore in SEMAPHORES.glob(f"sem.{_own_name()}-*"):
        resource_tracker.register(f"/{semaphore.name.removeprefix('sem.')}", "semaphore")


def _own_name() -> str:
    return f"fairsweep-{machine_id()}-{process_id()}"


def _remove_leftovers(folder: Path) -> None:
    own = f"fairsweep-{machine_id()}-"
    for marker in folder.glob(f"pymp-*/{own}*"):
        if not is_alive(marker.name.removeprefix(own)):
            shutil.rmtree(marker.parent, ignore_errors=True)
    for semaphore in SEMAPHORES.glob(f"sem.{own}*"):
        if not is_alive(semaphore.name.removeprefix(f"sem.{own}").rpartition("-")[0]):
            semaphore.unlink(missing_ok=True)
