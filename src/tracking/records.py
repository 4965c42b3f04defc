"""Runs as plain records, read back from the tracking server."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from src.errors import InputError
from src.metrics import SUMMARY, Epoch, Run
from src.schema import factors

if TYPE_CHECKING:
    import numpy as np

    from src.tracking.client import Store

PUBLISHED, PUBLISHED_ERRORS = "published.", ("train_error", "val_error")


def sweep_jobs(store: "Store", parent: str) -> list[Any]:
    """MLflow's records of a sweep's jobs, in its order; those that could not begin come last."""
    found = _search(store, f"tags.`mlflow.parentRunId` = '{parent}'")
    return sorted(found, key=lambda job: int(job.data.tags.get("number", len(found))))


def finished(store: "Store", fingerprint: str) -> list[Any]:
    """The latest FINISHED run that trained exactly this, if there is one."""
    same = f"tags.fingerprint = '{fingerprint}' AND attributes.status = 'FINISHED'"
    return list(store.client.search_runs([store.experiment_id], same, max_results=1))


def finished_jobs(store: "Store", parent: str) -> list[Any]:
    """A sweep's jobs that are FINISHED."""
    own = f"tags.`mlflow.parentRunId` = '{parent}' AND attributes.status = 'FINISHED'"
    return _search(store, own)


def last_sweep(store: "Store") -> Any:
    """The sweep that was begun last. Raises InputError when there is none."""
    found = store.client.search_runs([store.experiment_id], "tags.kind = 'sweep'", max_results=1)
    if not found:
        raise InputError(f"no sweep at {store.shown_uri}; `python -m src.train -m …` makes one")
    return found[0]


def running(store: "Store", machine: str) -> list[Any]:
    """Runs of this machine that say they are running."""
    return _search(store, f"attributes.status = 'RUNNING' AND tags.machine = '{machine}'")


def is_running(store: "Store", run_id: str) -> bool:
    """Whether it still says so."""
    return store.client.get_run(run_id).info.status == "RUNNING"


def planned(name: str, params: Mapping[str, str]) -> Run:
    """A job as it will be read back, before it has run."""
    return Run("", name, "FINISHED", "", int(params["seed"]), _config(params), "", "", "", ())


def _config(params: Mapping[str, str]) -> dict[str, str]:
    return factors(params)


def _search(store: "Store", condition: str) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id],
            condition,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return found


def get(store: "Store", run_id: str) -> Any:
    """MLflow's record of a run. Raises InputError for an id that the server does not know."""
    from src.tracking.client import MlflowException

    try:
        return store.client.get_run(run_id)
    except MlflowException as error:
        raise InputError(f"{run_id}: no run with this id at {store.shown_uri}") from error


def read(store: "Store", records: Sequence[Any]) -> list[Run]:
    """The jobs that MLflow's `records` name, with all their epochs."""
    keys = {key for record in records for key in record.data.metrics}
    wanted = [key for key in keys if not key.startswith(SUMMARY)]
    history = _histories(store, [record.info.run_id for record in records], wanted)
    return [_run(record, history[record.info.run_id]) for record in records]


def _histories(
    store: "Store", run_ids: Sequence[str], keys: Iterable[str]
) -> Mapping[str, dict[int, dict[str, float]]]:
    """For each run its metrics by epoch; in few queries where the store offers that."""
    found: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    bulk = getattr(store.client._tracking_client.store, "get_metric_history_bulk", None)
    if bulk:
        for key in keys:
            for entry in bulk(list(run_ids), key, None):
                found[entry.run_id][entry.step][key] = entry.value
        return found

    def fetch(run_id: str) -> None:
        for key in keys:
            for entry in store.client.get_metric_history(run_id, key):
                found[run_id][entry.step][key] = entry.value

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, run_ids))
    return found


def _run(record: Any, history: Mapping[int, Mapping[str, float]]) -> Run:
    params, tags = dict(record.data.params), record.data.tags
    published = {k.removeprefix(PUBLISHED): v for k, v in params.items() if k.startswith(PUBLISHED)}
    inputs = record.inputs.dataset_inputs
    return Run(
        run_id=record.info.run_id,
        name=record.info.run_name,
        status=record.info.status,
        outcome=tags.get("outcome", ""),
        seed=int(params.get("seed", -1)),
        config=_config(params),
        dataset=inputs[0].dataset.name if inputs else "",
        digest=inputs[0].dataset.digest if inputs else "",
        split=tags.get("split", ""),
        epochs=tuple(Epoch.of(step, history[step]) for step in sorted(history)),
        test_error=record.data.metrics.get("test/error", math.nan),
        published={k: float(published[k]) for k in PUBLISHED_ERRORS if k in published},
    )


def correct(store: "Store", run_id: str) -> "np.ndarray | None":
    """Which validation digits the run's kept model gets right, (digits,) bool; None if not kept."""
    import numpy as np

    run = store.client.get_run(run_id)
    source = run.data.tags.get("reused_from", run_id)
    with TemporaryDirectory() as folder:
        try:
            path = store.client.download_artifacts(source, "val_predictions.npz", folder)
        except Exception:  # each artifact store has its own way to say that there is none
            return None
        kept = np.load(Path(path))
        return kept["predicted"] == kept["labels"]
