"""Locks between processes, on file systems with locks and without."""

import errno
import fcntl
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.tracking.lock import locked


def test_one_at_a_time_works_on_it_and_no_file_is_left(tmp_path):
    inside, seen = [], []

    def work(_: int) -> None:
        with locked(tmp_path / "job.pt"):
            inside.append(1)
            seen.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert seen == [1] * 40
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_is_an_error_and_no_endless_wait(tmp_path, monkeypatch):
    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.raises(OSError, match="not implemented"), locked(tmp_path / "job.pt"):
        pass


def test_without_waiting_a_lock_that_is_held_is_told(tmp_path):
    with locked(tmp_path / "job.pt", wait=False) as first, ThreadPoolExecutor(1) as pool:

        def look() -> bool:
            with locked(tmp_path / "job.pt", wait=False) as second:
                return second

        assert (first, pool.submit(look).result()) == (True, False)
    with locked(tmp_path / "job.pt", wait=False) as again:
        assert again
    assert not list(tmp_path.iterdir())
