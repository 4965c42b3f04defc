"""The place of artifacts in an embedded database that was moved or copied, or is told another one.

MLflow fixes it when an experiment and a run are made, as an absolute address
(https://mlflow.org/docs/latest/ml/tracking/artifact-stores/), so a folder that is moved leaves
the database pointing to where it was, and a copy would write into the original.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from src import addresses
from src.credentials import redact

COLUMNS = {"runs": "artifact_uri", "logged_models": "artifact_location"}


def follow(database: Path, experiment_id: str, location: str) -> str:
    """Let the experiment keep its artifacts at the URI `location`, the earlier ones included.

    Files stay where they lie: what is found below `location` is referred to there, what still
    lies in the former place, or in a store that is no folder, stays referred to in that. Returns
    a line about the latter, or "".
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        former = _location(connection, experiment_id)
        if former.rstrip("/") == location.rstrip("/"):
            return ""
        change = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
        connection.execute(change, (location, experiment_id))
        stay = sum(_follow(connection, table, experiment_id, former, location) for table in COLUMNS)
    where = f"{_shown(former)}, outside {_shown(location)}"
    return f"the artifacts of {stay} earlier runs stay in {where}" if stay else ""


def _follow(
    connection: sqlite3.Connection, table: str, experiment_id: str, former: str, location: str
) -> int:
    """Return how many artifact folders of a table could not follow."""
    column, stay = COLUMNS[table], 0
    for row, address in list(_addresses(connection, table, experiment_id)):
        moved = location.rstrip("/") + address.removeprefix(former.rstrip("/"))
        if not address.startswith(former.rstrip("/") + "/"):
            continue
        if _stays(address, moved):
            stay += 1
            continue
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (moved, row))
    return stay


def _addresses(
    connection: sqlite3.Connection, table: str, experiment_id: str
) -> Iterator[tuple[int, str]]:
    query = f"SELECT rowid, {COLUMNS[table]} FROM {table} WHERE experiment_id = ?"
    yield from connection.execute(query, (experiment_id,))


def _location(connection: sqlite3.Connection, experiment_id: str) -> str:
    query = "SELECT artifact_location FROM experiments WHERE experiment_id = ?"
    ((location,),) = connection.execute(query, (experiment_id,))
    return location or ""


def _stays(address: str, moved: str) -> bool:
    path, target = addresses.local_path(address), addresses.local_path(moved)
    if target is not None and target.exists():
        return False
    return path is None or path.exists()


def _shown(address: str) -> str:
    return str(addresses.local_path(address) or redact(address))
