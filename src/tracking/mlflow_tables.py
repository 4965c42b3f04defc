"""The tables of MLflow's database that are read and written directly, which a release may change.

Where one has others, this is left out, or MLflow's slower way is taken.
"""

import logging
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from sqlalchemy import NullPool, column, create_engine, select, table
from sqlalchemy.exc import SQLAlchemyError

from src.messages import addresses
from src.messages.credentials import redact

COLUMNS = {"runs": "artifact_uri", "logged_models": "artifact_location"}

TAGS = table("tags", column("run_uuid"), column("key"), column("value"))

log = logging.getLogger(__name__)


def runs_of(uri: str, fingerprints: Collection[str]) -> list[str] | None:
    """Return the ids of runs with one of these fingerprints; None where no table tells them."""
    tagged = select(TAGS.c.run_uuid, TAGS.c.value).where(TAGS.c.key == "fingerprint")
    try:
        with create_engine(uri, poolclass=NullPool).connect() as connection:
            return [run for run, value in connection.execute(tagged) if value in fingerprints]
    except SQLAlchemyError as error:
        log.info("runs are searched by MLflow's filters: %s", error)
        return None


def follow(database: Path, experiment_id: str, location: str) -> str:
    """Let the experiment keep its artifacts at the URI `location`, the earlier ones included.

    Files stay where they lie: what is found below `location` is referred to there, what still
    lies in the former place, or in a store that is no folder, stays referred to in that. Returns
    a line about the latter, or "".

    MLflow fixes the place when an experiment and a run are made, as an absolute address
    (https://mlflow.org/docs/latest/ml/tracking/artifact-stores/), so a folder that is moved leaves
    the database pointing to where it was, and a copy would write into the original.
    """
    try:
        return _follow(database, experiment_id, location)
    except sqlite3.OperationalError as error:
        log.warning("artifacts stay where %s says: %s", database, error)
        return ""


def _follow(database: Path, experiment_id: str, location: str) -> str:
    stay, location = 0, location.rstrip("/")
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        of_experiment = "WHERE experiment_id = ?"
        query = f"SELECT artifact_location FROM experiments {of_experiment}"
        former = (connection.execute(query, (experiment_id,)).fetchone()[0] or "").rstrip("/")
        if former == location:
            return ""
        change = f"UPDATE experiments SET artifact_location = ? {of_experiment}"
        connection.execute(change, (location, experiment_id))
        for table, column in COLUMNS.items():
            query = f"SELECT rowid, {column} FROM {table} {of_experiment}"
            for row, address in connection.execute(query, (experiment_id,)).fetchall():
                if not address.startswith(f"{former}/"):
                    continue
                moved = location + address.removeprefix(former)
                path, target = addresses.local_path(address), addresses.local_path(moved)
                if not (target and target.exists()) and (path is None or path.exists()):
                    stay += 1
                    continue
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (moved, row))
    where = f"{_shown(former)}, outside {_shown(location)}"
    return f"the artifacts of {stay} earlier runs stay in {where}" if stay else ""


def _shown(address: str) -> str:
    return str(addresses.local_path(address) or redact(address))
