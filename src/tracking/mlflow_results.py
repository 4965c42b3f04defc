"""Finished jobs that MLflow knows by their fingerprints, wherever they were trained."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from mlflow.entities import Run as MlflowRun
from mlflow.store.db.utils import create_sqlalchemy_engine
from mlflow.store.tracking.dbmodels.models import SqlTag
from sqlalchemy import Select, select

from src.addresses import is_database, local_path
from src.tracking.event import Event
from src.tracking.mlflow_source import events_of, search
from src.tracking.store import Store

MAX_LISTED = 500  # run ids in a filter


def finished(
    store: Store, fingerprints: Collection[str], variants: Collection[str], known_index: str
) -> Iterator[tuple[str, str, list[Event]]]:
    """Yield fingerprint, run id and events of a finished run for each fingerprint found.

    MLflow's filters know lists of run ids alone, and a run that passes one is loaded whole, in a
    millisecond or two. So a database tells the ids. Of a server's runs those of `known_index`
    ("": none), which has no such result, are filtered out, and each of the `variants` is asked for
    by its digest; none: all at once.
    """
    conditions = _database_conditions(store, fingerprints)
    if conditions is None:
        elsewhere = f" AND tags.result_index != '{known_index}'" if known_index else ""
        conditions = [f"tags.variant LIKE '%{each}'{elsewhere}" for each in variants or [""]]
    found: dict[str, MlflowRun] = {}
    of_jobs = "attributes.status = 'FINISHED' AND tags.fingerprint LIKE '%'"
    for condition in conditions:
        for run in search(store, f"{of_jobs} AND {condition}"):
            fingerprint = run.data.tags["fingerprint"]
            if fingerprint in fingerprints and not _has_lost_files(store, run):
                found.setdefault(fingerprint, run)
    histories = events_of(store, found.values())
    for (fingerprint, run), events in zip(found.items(), histories, strict=True):
        yield fingerprint, run.info.run_id, events


def _database_conditions(store: Store, fingerprints: Collection[str]) -> list[str] | None:
    """Return filters for the runs of these fingerprints; None where a server has the database."""
    if not is_database(store.uri):
        return None
    tagged: Select = select(SqlTag.run_uuid, SqlTag.value).where(SqlTag.key == "fingerprint")
    engine = create_sqlalchemy_engine(store.uri)
    try:
        with engine.connect() as connection:
            found = [run for run, value in connection.execute(tagged) if value in fingerprints]
    finally:
        engine.dispose()
    parts = [found[start : start + MAX_LISTED] for start in range(0, len(found), MAX_LISTED)]
    return [f"attributes.run_id IN ({str(part)[1:-1]})" for part in parts]


def _has_lost_files(store: Store, run: MlflowRun) -> bool:
    """Return whether the folder of a run that had files is gone from this machine."""
    folder = local_path(run.info.artifact_uri)
    if folder is None or not urlsplit(store.uri).scheme.startswith("sqlite"):
        return False
    return "reused_from" not in run.data.tags and not folder.exists()
