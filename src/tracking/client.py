"""The one place that talks to MLflow (https://mlflow.org/docs/latest/ml/tracking/)."""

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

# Read by MLflow when it is imported: no telemetry, no lines of its own between those of a sweep,
# and a dead server is known in seconds.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils as db

from src.credentials import redact
from src.error_text import root_cause
from src.errors import InputError
from src.tracking.lock import locked

for name in ("mlflow", "alembic"):
    logging.getLogger(name).setLevel(logging.WARNING)

UNREACHABLE = (MlflowException, OSError)


@dataclass(frozen=True)
class Store:
    """A connection to one MLflow experiment."""

    uri: str
    client: MlflowClient
    experiment_id: str

    @property
    def shown_uri(self) -> str:
        """The address as it may be told and stored."""
        return redact(self.uri)


@lru_cache(maxsize=4)
def connect(uri: str, experiment: str, artifacts: str) -> Store:
    """Open the store, made if it is embedded and new.

    `artifacts` is where an embedded database keeps its files. Raises InputError in one line
    when the database cannot be written or the server does not answer.
    """
    try:
        if not uri.startswith("sqlite:///"):
            return _open(uri, experiment, None)
        database = Path(uri.removeprefix("sqlite:///")).absolute()
        # Processes that migrate a fresh database at the same time crash in each other's tables.
        with locked(database):
            if not database.exists():
                _make(database)
            return _open(f"sqlite:///{database}", experiment, Path(artifacts).absolute().as_uri())
    except Exception as error:  # sqlalchemy's, requests' and MLflow's own have no common base
        raise InputError(
            f"tracking.uri={redact(uri)}: cannot be used: {root_cause(error)}; "
            "a writable sqlite:///FILE or a running server is needed"
        ) from error


def _make(database: Path) -> None:
    """A new database with a write-ahead log: a commit is one flush to disk instead of three.

    It gets its name when it is whole: MLflow cannot use one whose making was cut off.
    """
    draft = database.with_name(f"{database.name}.new")
    for left in database.parent.glob(f"{draft.name}*"):
        left.unlink()
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    engine = db.create_sqlalchemy_engine(f"sqlite:///{draft}")
    db._initialize_tables(engine)
    engine.dispose()  # which moves the log into the file
    draft.replace(database)


def _open(uri: str, experiment: str, artifacts: str | None) -> Store:
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is not None and found.lifecycle_stage == "deleted":
        raise ValueError(f"tracking.experiment={experiment} was deleted there; another is needed")
    if found is None:
        try:
            return Store(uri, client, client.create_experiment(experiment, artifacts))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(experiment)
    return Store(uri, client, found.experiment_id)


def deliver(
    store: Store,
    run_id: str | None,
    events: Sequence[Mapping[str, Any]],
    folder: Path,
    is_first_try: bool,
) -> str:
    """Send events of the journal in `folder`; returns the id of their run.

    They travel in as few requests as they can, for each costs a database several flushes to disk.
    Sending them again changes nothing: metrics carry their time, and after a first try whose
    outcome is unknown a run is made only when none has the `job` tag.
    """
    metrics, files = [], []
    params = {k: v for event in events for k, v in event.get("params", {}).items()}
    tags = {k: v for event in events for k, v in event.get("tags", {}).items()}
    for event in events:
        kind = event["event"]
        if kind == "start":
            run_id = _start(store, event | {"tags": tags}, run_id, is_first_try)
        elif kind in ("metrics", "final"):
            metrics += _metrics(event)
        elif kind == "history":
            metrics += [metric for epoch in event["epochs"] for metric in _metrics(event | epoch)]
        elif kind == "files":
            files.append(folder / event["path"])
    _log(store, run_id, metrics, params, {} if events[0]["event"] == "start" else tags)
    last = events[-1]
    if last["event"] == "end":
        store.client.set_terminated(run_id, last["status"], last["time"])
    for source in files:  # last: an artifact store may be away while the server is not
        _send_files(store, run_id, source)
    return run_id


def _log(
    store: Store,
    run_id: str,
    metrics: list[Metric],
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> None:
    some_params = [Param(key, value[:6000]) for key, value in params.items()]
    some_tags = [RunTag(key, value) for key, value in tags.items()]
    while metrics or some_params or some_tags:  # MLflow takes 1,000 in one request
        store.client.log_batch(run_id, metrics[:800], some_params[:100], some_tags[:100])
        metrics, some_params, some_tags = metrics[800:], some_params[100:], some_tags[100:]


def _send_files(store: Store, run_id: str, source: Path) -> None:
    if source.exists():  # gone when they were sent before
        store.client.log_artifacts(run_id, str(source))
        shutil.rmtree(source)


def _start(store: Store, event: Mapping[str, Any], run_id: str | None, is_first_try: bool) -> str:
    """The id of the run, which is made, or goes on where its process was killed."""
    client, job = store.client, event["tags"]["job"]
    if run_id is None and not is_first_try:
        found = client.search_runs([store.experiment_id], f"tags.job = '{job}'", max_results=1)
        run_id = found[0].info.run_id if found else None
    if run_id is not None:
        client.update_run(run_id, status="RUNNING")
        client.log_batch(run_id, tags=[RunTag(*tag) for tag in event["tags"].items()])
    else:
        name, time = event["name"], event["time"]
        run = client.create_run(store.experiment_id, time, tags=event["tags"], run_name=name)
        run_id = run.info.run_id
    if data := event.get("dataset"):  # of which MLflow keeps one, however often it is told
        dataset = Dataset(data["name"], data["digest"], "local", json.dumps(data), profile=None)
        context = InputTag("mlflow.data.context", "training")
        client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    return run_id


def end(store: Store, run_id: str, status: str, reason: str) -> None:
    """Close a run whose own process cannot."""
    tags = [RunTag("outcome", status.lower()), RunTag("reason", reason)]
    store.client.log_batch(run_id, tags=tags)
    store.client.set_terminated(run_id, status)


def _metrics(event: Mapping[str, Any]) -> list[Metric]:
    # SQL has no NaN of its own; MLflow stores it and infinity from Python floats.
    return [Metric(k, float(v), event["time"], event["step"]) for k, v in event["values"].items()]
