"""The uploads of a job outside a sweep's uploader: of a single run, and under other launchers."""

import sys
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from src import commands
from src.error_text import root_cause
from src.errors import PEER_CLOSED
from src.process_exit import at_end
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.uploader import ABORT_SECONDS, Uploader


def upload_job(conn: Connection, folder: Path, index: ResultIndex, process: str) -> None:
    """Send the journal that `process` keeps in `folder` until it closes the connection.

    Raises InputError when the destination cannot be used.
    """
    from src.tracking import store

    index.tracking.connect()
    conn.send("connected")
    journal = Journal(folder)
    uploader = Uploader(lambda: [journal], index.tracking.connect)
    with suppress(*PEER_CLOSED):
        conn.recv()
    record = fold(journal)
    if record is None or record.tags.get("process") != process:  # the job could not even begin
        return
    if record.status == Status.RUNNING:  # the job could not write its end itself
        end(journal, Status.KILLED, "its process was gone")
    if error := uploader.flush():
        _warn(error, journal)
    else:
        index.close(record.job_id)
    store.complete(index.tracking.uri)


def uploading(journal: Journal, tracking: TrackingSettings) -> AbstractContextManager[None]:
    """Send what the body writes into its journal, from a thread of its own process."""
    uploader = Uploader(lambda: [journal], tracking.connect)

    def close(is_abort: bool) -> None:
        error = uploader.flush(0.0, wait=ABORT_SECONDS) if is_abort else uploader.flush()
        uploader.stop()
        if error:
            _warn(error, journal)

    return at_end(close)


def _warn(error: Exception, journal: Journal) -> None:
    print(
        f"warning: the tracking server misses a part ({root_cause(error)}), which is in "
        f"{journal.path}: `{commands.sync(journal.folder)}` sends it later",
        file=sys.stderr,
    )
