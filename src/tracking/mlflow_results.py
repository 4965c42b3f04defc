"""Finished jobs that MLflow knows by their fingerprints, wherever they were trained."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from urllib.parse import urlsplit

from mlflow.entities import Run as MlflowRun

from src.messages.addresses import is_database, local_path
from src.tracking import mlflow_tables
from src.tracking.event import Event
from src.tracking.mlflow_source import THREADS, events_of, search
from src.tracking.store import Store

OF_JOBS = "attributes.status = 'FINISHED' AND tags.fingerprint LIKE '%'"
NOT_OF = "tags.result_index != '{}'"
MAX_LISTED = 500  # run ids in a filter


def has_others(store: Store, index: str) -> bool:
    """Return whether there is a finished run that is not of this `index` ("": of none)."""
    condition = OF_JOBS + (f" AND {NOT_OF.format(index)}" if index else "")
    return bool(store.client.search_runs([store.experiment_id], condition, max_results=1))


def finished(
    store: Store, fingerprints: Collection[str], variants: Collection[str], known_index: str
) -> Iterator[tuple[str, str, list[Event]]]:
    """Yield fingerprint, run id and events of a finished run for each fingerprint found.

    One query cannot do: of tags MLflow's filters know =, !=, LIKE and IS NULL, joined by AND, and
    lists of run ids alone (https://mlflow.org/docs/latest/ml/search/search-runs); its client has
    the history of one metric of one run at a time. A run that passes a filter is loaded whole, in a
    millisecond or two. So a database tells the ids. Of a server's runs those of `known_index`
    ("": none), which has no such result, are filtered out, and each of the `variants` is asked for
    by its digest, several at a time; none: all at once.
    """
    conditions = _database_conditions(store, fingerprints)
    if conditions is None:
        elsewhere = f" AND {NOT_OF.format(known_index)}" if known_index else ""
        conditions = [f"tags.variant LIKE '%{each}'{elsewhere}" for each in variants or [""]]
    found: dict[str, MlflowRun] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        searches = pool.map(lambda each: list(search(store, f"{OF_JOBS} AND {each}")), conditions)
        for run in chain.from_iterable(searches):
            fingerprint = run.data.tags["fingerprint"]
            if fingerprint in fingerprints and not _has_lost_files(store, run):
                found.setdefault(fingerprint, run)
    histories = events_of(store, found.values())
    for (fingerprint, run), events in zip(found.items(), histories, strict=True):
        yield fingerprint, run.info.run_id, events


def _database_conditions(store: Store, fingerprints: Collection[str]) -> list[str] | None:
    """Return filters for the runs of these fingerprints; None where no database tells them."""
    found = mlflow_tables.runs_of(store.uri, fingerprints) if is_database(store.uri) else None
    if found is None:
        return None
    parts = [found[start : start + MAX_LISTED] for start in range(0, len(found), MAX_LISTED)]
    return [f"attributes.run_id IN ({str(part)[1:-1]})" for part in parts]


def _has_lost_files(store: Store, run: MlflowRun) -> bool:
    """Return whether the folder of a run that had files is gone from this machine."""
    folder = local_path(run.info.artifact_uri)
    if folder is None or not urlsplit(store.uri).scheme.startswith("sqlite"):
        return False
    return "reused_from" not in run.data.tags and not folder.exists()
