"""Waiting for what another process does, by what it leaves behind and never by the clock."""

import time
from collections.abc import Callable
from pathlib import Path

from src.tracking.journal import JOURNAL, Journal


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Return as soon as the condition holds. Raises AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def epochs(folder: Path) -> int:
    """How many epochs are in the journal of a job's directory."""
    return sum("train/loss" in event.get("values", {}) for event in Journal(folder).events())


def all_have(folder: Path, jobs: int, count: int) -> bool:
    """Whether so many jobs below `folder` have finished at least `count` epochs each."""
    found = [path.parent for path in folder.glob(f"*/{JOURNAL}")]
    return len(found) == jobs and all(epochs(job) >= count for job in found)
