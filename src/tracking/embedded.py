"""The embedded database: SQLite with a write-ahead log (https://sqlite.org/wal.html)."""

import errno
import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from mlflow.store.db import utils as db
from sqlalchemy import Engine, NullPool, create_engine, event

from src.messages import addresses

SIDE_FILES = ("-wal", "-shm", "-journal")  # https://sqlite.org/tempfiles.html

log = logging.getLogger(__name__)
_own: set[Path] = set()  # the databases whose commits `flush` puts on disk


def check(database: Path, mode: int) -> None:
    """Raise at once what SQLite finds late, or MLflow after it has asked for 100 seconds.

    That is a log beside the database that may not be written, and a file that is no database.
    Other ways to open it would drop this process's locks (https://sqlite.org/howtocorrupt.html).
    """
    for file in (database, *(_beside(database, end) for end in SIDE_FILES)):
        if file.exists() and not os.access(file, mode):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    with (
        suppress(sqlite3.OperationalError),  # it is busy, or a part of it may not be written
        closing(sqlite3.connect(database, timeout=0)) as connection,
    ):
        connection.execute("SELECT count(*) FROM sqlite_master")


def make(database: Path) -> None:
    """Make a database with a write-ahead log: a commit is one flush to disk instead of three.

    It gets its name when it is whole: MLflow cannot use one whose making was cut off. A release
    without this private function makes one itself when it is opened.
    """
    make_tables = getattr(db, "_initialize_tables", None)
    if make_tables is None:
        log.info("MLflow makes %s, without a write-ahead log", database)
        return
    tmp = database.with_name(f".{database.name}.fairsweep-draft")
    for end in ("", *SIDE_FILES):  # what an earlier making that was cut off may have left
        _beside(tmp, end).unlink(missing_ok=True)
    with closing(sqlite3.connect(tmp)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    make_tables(create_engine(addresses.database_uri(tmp), poolclass=NullPool))
    tmp.replace(database)


def flush_seldom(database: Path) -> None:
    """Let commits to a write-ahead log not wait for the disk, which they do eight times a run.

    The database stays whole whenever the power is cut; of the last commits `flush` makes sure.
    """
    _own.add(database.resolve())


@event.listens_for(Engine, "connect")  # MLflow makes its own engine
def _connected(connection: object, _: object) -> None:
    if not (_own and isinstance(connection, sqlite3.Connection)):
        return
    file = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal" and file.resolve() in _own:
        connection.execute("PRAGMA synchronous=NORMAL")


def flush(uri: str) -> None:
    """Wait until what was committed to an embedded database is on disk.

    Raises OSError where the disk fails.
    """
    database = addresses.database_path(uri)
    with suppress(FileNotFoundError):  # no log: a commit has waited
        if database is not None:
            with _beside(database, "-wal").open("r+b") as file:  # on which SQLite has no locks
                os.fsync(file.fileno())


def complete(uri: str) -> None:
    """Move what an embedded database keeps in its log into its file, which may then be copied.

    Another process that reads or writes at this moment keeps a part, and completes it later.
    """
    database = addresses.database_path(uri)
    with suppress(sqlite3.Error, OSError):  # the latter where nobody may look for it
        if database is not None and database.is_file():
            with closing(sqlite3.connect(database, timeout=5)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _beside(database: Path, end: str) -> Path:
    return database.with_name(database.name + end)
