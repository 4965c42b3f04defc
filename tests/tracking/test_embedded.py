"""The embedded database, and when its commits are on disk."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from src.messages.addresses import database_path
from src.tracking import embedded
from src.tracking.journal import Journal
from src.tracking.mlflow_sink import send
from src.tracking.store import connect

FULL, NORMAL = 2, 1  # https://sqlite.org/pragma.html#pragma_synchronous


def synchronous(database: Path) -> int:
    with create_engine(f"sqlite:///{database}").connect() as connection:
        return connection.exec_driver_sql("PRAGMA synchronous").scalar_one()


@pytest.mark.parametrize(("mode", "expected"), [("WAL", NORMAL), ("DELETE", FULL)])
def test_commits_to_a_write_ahead_log_do_not_wait_for_the_disk(mode, expected, tmp_path):
    own, other = tmp_path / "own.db", tmp_path / "other.db"
    for database in (own, other):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA journal_mode={mode}")
    embedded.flush_seldom(own)
    assert synchronous(own) == expected
    assert synchronous(other) == FULL


DAMAGE = {
    "text": lambda content: b"label,pixel",
    "no page after its head": lambda content: content[:100] + bytes(len(content) - 100),
    "cut off": lambda content: content[:4096],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_is_no_database_is_told_before_mlflow_asks_it_again(damage, tmp_path):
    database = tmp_path / "some.db"
    with closing(sqlite3.connect(database)) as connection:
        for number in range(100):  # their list takes more than a page
            connection.execute(f"CREATE TABLE a_table_{number} (a_column INTEGER PRIMARY KEY)")
    embedded.check(database, os.R_OK)
    database.write_bytes(damage(database.read_bytes()))
    with pytest.raises(sqlite3.DatabaseError, match=r"not a database|malformed"):
        embedded.check(database, os.R_OK)


def test_a_database_that_is_empty_or_busy_is_not_refused(tmp_path):
    database = tmp_path / "some.db"
    database.touch()
    embedded.check(database, os.R_OK)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        embedded.check(database, os.R_OK)


def test_a_run_is_on_disk_before_its_journal_says_that_it_was_sent(workplace, monkeypatch):
    store = connect(workplace.uri, workplace.experiment, f"{workplace.folder}/artifacts")
    journal = Journal(workplace.folder / "sent")
    journal.begin(name="a", tags={"job": "0123456789abcdef"})
    done, fsync, replace = [], os.fsync, Path.replace

    def synced(number: int) -> None:
        done.append(Path(f"/proc/self/fd/{number}").readlink().name)
        fsync(number)

    def replaced(path: Path, target: Path) -> Path:
        done.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    send(journal, lambda: store)
    log = f"{database_path(workplace.uri).name}-wal"
    # That it was tried waits for the disk as well: the server may have the run from then on.
    assert done == ["sent.json.new", "sent.json", log, "sent.json"]
