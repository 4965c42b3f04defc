"""The process from which others fork, after it has imported what is slow to import.

https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
"""

import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing import connection, forkserver, process, resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any

from src.errors import JobError
from src.process.identity import is_alive, machine_id, process_id
from src.process.signals import STOP_SIGNALS

PRELOAD = "src.process.fork_server_preload"
LONGEST_FOLDER = 28  # a socket's path has at most 107 characters (unix(7)), 79 of them ours
SHORT_FOLDER = "/tmp"
ATTEMPTS, PAUSE_SECONDS = 4, 0.2
GRACE_SECONDS = 10.0  # a process without a parent may end in good order

log = logging.getLogger(__name__)


def start(preload: Sequence[str]) -> None:
    """Start the process, if none runs, and let it begin to import the modules of `preload`."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOAD, *preload])
    _use_own_folder()
    # The tracker, which has nothing to track, is replaced when it is killed.
    warnings.filterwarnings("ignore", "resource_tracker: process died unexpectedly")
    resource_tracker.ensure_running()  # its start would let signals through
    _ensure_running()


def fork(target: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Start a process that calls `target` and ends, at the latest, with this one.

    Raises JobError if the fork server dies repeatedly.
    """
    for attempt in range(ATTEMPTS):
        time.sleep(attempt * PAUSE_SECONDS)  # its sockets close before it counts as dead
        child = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(target, *arguments), daemon=True
        )
        try:
            child.start()
        except (EOFError, ConnectionError) as error:
            cause = error
            log.debug("the fork server is gone", exc_info=True)
            _ensure_running()
        else:
            return child
    raise JobError("the process from which workers fork was killed, or is out of memory") from cause


def _run(target: Callable[..., object], *arguments: Any) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    target(*arguments)


def _end_with_parent() -> None:
    """End this process when the one that wanted it, or the fork server, has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    watched = [parent.sentinel]
    if hasattr(os, "pidfd_open"):  # on Linux; elsewhere a process outlives its fork server
        watched.append(os.pidfd_open(os.getppid()))
    connection.wait(watched)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _ensure_running() -> None:
    """Start the server if none runs; it gets no signal before its first import says what to do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _use_own_folder() -> None:
    """Keep multiprocessing's sockets in a folder of this process; remove those of killed ones."""
    config = getattr(process.current_process(), "_config", {})  # private; else killed ones stay
    if "tempdir" in config:
        return
    parent, prefix = Path(tempfile.gettempdir()), f"fairsweep-{machine_id()}-"
    if len(str(parent)) > LONGEST_FOLDER:
        parent = Path(SHORT_FOLDER)
    for left in parent.glob(f"{prefix}*"):
        if not is_alive(left.name.removeprefix(prefix).rpartition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    config["tempdir"] = tempfile.mkdtemp(prefix=f"{prefix}{process_id()}-", dir=parent)
    util.Finalize(None, shutil.rmtree, (config["tempdir"], True), exitpriority=-100)
