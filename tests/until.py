"""Waiting for what another process does, by what it leaves behind and never by the clock."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from src.tracking.journal import JOURNAL, Journal
from tests.processes import abort


def until(condition: Callable[[], object], *processes: subprocess.Popen) -> None:
    """Return as soon as the condition holds, which it must go on to do.

    Raises AssertionError, with what they said, once one of the processes has ended before, or
    after so long that no machine needs it.
    """
    deadline = time.monotonic() + 600
    while not condition():
        for process in processes:
            if process.poll() is not None and not condition():
                raise AssertionError(f"ended with {process.returncode}:\n{abort(process)}")
        if time.monotonic() > deadline:
            raise AssertionError("\n".join(["waited in vain", *map(abort, processes)]))
        time.sleep(0.02)


def epochs(folder: Path) -> int:
    """Return how many epochs are in the journal of a job's directory."""
    return sum("train/loss" in event.get("values", {}) for event in Journal(folder).events())


def all_have(folder: Path, jobs: int, count: int) -> bool:
    """Return whether so many jobs below `folder` have finished at least `count` epochs each."""
    found = [path.parent for path in folder.glob(f"*/{JOURNAL}")]
    return len(found) == jobs and all(epochs(job) >= count for job in found)
