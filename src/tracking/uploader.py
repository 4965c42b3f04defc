"""Uploads of journals beside the training, in a thread that survives outages of the server."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from src.messages import commands
from src.messages.error_text import root_cause
from src.process.exit import at_end
from src.tracking.job_record import fold
from src.tracking.journal import Journal

if TYPE_CHECKING:
    from src.tracking.store import Store

FLUSH_INTERVAL = 1.0  # seconds between deliveries, and between tries when there is no answer
RETRY_SECONDS = 10.0  # how long a delivery that was asked for is tried while there is no answer
ABORT_SECONDS = 1.0  # the same after an interrupt; a later sweep sends the rest
HEARTBEAT = ".uploader"  # the file in a sweep's folder that the process beside the sweep touches
HEARTBEAT_SECONDS = 60.0  # its greatest age while that process lives; NFS lags behind

log = logging.getLogger(__name__)


class Uploader:
    """A thread that delivers what is written into journals.

    `find` lists the journals, `connect` opens their destination; both are called in the thread,
    where MLflow's slow import hinders nobody.
    """

    def __init__(
        self, find: Callable[[], Iterable[Journal]], connect: Callable[[], "Store"]
    ) -> None:
        self.find = find
        self.connect = connect
        self.sizes: dict[Path, int] = {}  # of the journals as they were delivered
        self.requests: SimpleQueue[tuple[float, Future] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="uploader", daemon=True)
        self.thread.start()

    def flush(self, seconds: float = RETRY_SECONDS, wait: float | None = None) -> Exception | None:
        """Deliver all that is written; what the server does not take is tried for some seconds.

        Returns the last error, or TimeoutError after `wait` seconds without an answer.
        """
        done: Future[Exception | None] = Future()
        self.requests.put((seconds, done))
        try:
            return done.result(wait)
        except TimeoutError:
            return TimeoutError("no answer yet")

    def stop(self) -> None:
        """End the thread, at once if it is idle; what is written later is not delivered."""
        self.requests.put(None)
        self.thread.join(ABORT_SECONDS)

    def _run(self) -> None:
        was_failing = False
        while True:
            try:
                request = self.requests.get(timeout=FLUSH_INTERVAL)
            except Empty:
                if (error := self._deliver()) and not was_failing:  # the end tells of it again
                    log.warning("the tracking server: %s; it is tried again", root_cause(error))
                was_failing = error is not None
                continue
            if request is None:
                return
            seconds, done = request
            deadline = time.monotonic() + seconds
            while (error := self._deliver()) and time.monotonic() < deadline:
                time.sleep(FLUSH_INTERVAL)
            done.set_result(error)

    def _deliver(self) -> Exception | None:
        try:
            begun = [journal for journal in self.find() if journal.path.exists()]
            sizes = {journal: journal.path.stat().st_size for journal in begun}
            changed = [j for j, size in sizes.items() if size != self.sizes.get(j.path)]
            error = upload(changed, self.connect)
            self.sizes |= {j.path: sizes[j] for j in changed if not j.has_unsent}
        except OSError as failure:  # a journal that was removed, or cannot be read
            log.info("not delivered", exc_info=True)
            return failure
        return error


def is_accompanied(sweep: Path) -> bool:
    """Return whether a process beside the sweep of this folder sends what its jobs write.

    Both times are those of the folder's file system: the clocks of the nodes may be wrong.
    """
    try:
        heartbeat = (sweep / HEARTBEAT).stat().st_mtime
        os.utime(sweep)
        return sweep.stat().st_mtime - heartbeat < HEARTBEAT_SECONDS
    except OSError:
        return False


def uploading(
    journal: Journal, sweep: Path, connect: Callable[[], "Store"]
) -> AbstractContextManager[None]:
    """Send what the body writes into its journal, from a thread of its own process.

    While the folder of its sweep is accompanied, that and MLflow's import are left to others.
    """
    uploader = Uploader(lambda: [] if is_accompanied(sweep) else [journal], connect)

    def close(is_abort: bool) -> None:
        error = uploader.flush(0.0, wait=ABORT_SECONDS) if is_abort else uploader.flush()
        uploader.stop()
        if error:
            log.warning("the tracking server misses a part: %s", root_cause(error))

    return at_end(close)


def upload(waiting: Iterable[Journal], connect: Callable[[], "Store"]) -> Exception | None:
    """Deliver each journal, whatever became of the others; return the last error.

    After an error that took long nothing more is tried: the server hangs.
    """
    error = None
    for journal in waiting:
        from src.tracking.mlflow_sink import send

        start = time.monotonic()
        try:
            send(journal, connect)
        except Exception as failure:  # servers, networks and artifact stores raise their own
            log.info("%s: not delivered", journal.path, exc_info=True)
            error = failure
            if time.monotonic() - start > FLUSH_INTERVAL:
                break
    return error


def missing_note(error: Exception, journal: Journal) -> str:
    """Return a warning that the server misses a part of a run or a sweep, and how to send it."""
    record = fold(journal)
    what = "sweep" if record and record.is_sweep else "run"
    return (
        f"warning: the tracking server misses a part of this {what} ({root_cause(error)}); "
        f"`{commands.sync(journal.folder)}` sends it later"
    )
