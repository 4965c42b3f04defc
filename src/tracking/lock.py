"""One process at a time, by a lock that dies with its holder (flock(2))."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let nobody else work on what `path` stands for.

    Raises OSError where no file can be made, or the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    lock.touch()  # one that cannot be made is waited for, for ever
    with FileLock(lock, fallback_to_soft=False):  # whose fallback outlives its holder
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # who waits for it sees that, and makes another
