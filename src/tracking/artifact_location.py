"""The place of artifacts in an embedded database that was moved or copied, or is told another one.

MLflow fixes it when an experiment and a run are made, as an absolute address
(https://mlflow.org/docs/latest/ml/tracking/artifact-stores/), so a folder that is moved leaves
the database pointing to where it was, and a copy would write into the original.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from src.messages import addresses
from src.messages.credentials import redact

COLUMNS = {"runs": "artifact_uri", "logged_models": "artifact_location"}


def follow(database: Path, experiment_id: str, location: str) -> str:
    """Let the experiment keep its artifacts at the URI `location`, the earlier ones included.

    Files stay where they lie: what is found below `location` is referred to there, what still
    lies in the former place, or in a store that is no folder, stays referred to in that. Returns
    a line about the latter, or "".
    """
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
