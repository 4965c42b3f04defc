"""One process at a time, by a lock that dies with its holder (flock(2))."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Let no other process work on what `path` stands for.

    Yields True, or without waiting False where another process does. Raises OSError where no file
    can be made, or the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    lock.touch()  # one that cannot be made is waited for, for ever
    held = FileLock(lock, fallback_to_soft=False)  # the fallback would outlive its holder
    try:
        held.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)  # waiters notice it and create a new file
        held.release()
