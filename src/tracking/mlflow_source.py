"""MLflow read back: runs that were made elsewhere, as the events of a journal."""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlflow.entities import LifecycleStage
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException

from src.errors import InputError
from src.messages import commands
from src.messages.addresses import local_path
from src.metrics import SUMMARY
from src.process.identity import machine_id
from src.tracking.event import Event, EventKind, Parent, check
from src.tracking.job_record import NOWHERE, JobRecord, Status, fold_events, fold_readable
from src.tracking.journal import Journal
from src.tracking.store import Store
from src.tracking.sweep_runs import SweepRuns, runs_of

THREADS = 8
PAGE = 200  # runs in an answer: a busy server needs seconds for a thousand
JOB_ID_LENGTH = 16  # hexadecimal digits; MLflow's own ids have 32

log = logging.getLogger(__name__)


def find(store: Store, run_id: str | None, key: str) -> SweepRuns:
    """Return a sweep, without an id the last, or a run alone; `key` was typed before the id.

    Where their journals lie on this machine after all, as the server tells, these are read. Raises
    InputError for an id that the server has not.
    """
    run = _get(store, run_id, key) if run_id is not None else _last_sweep(store)
    if record := _local(run):
        return runs_of(record)
    is_sweep, own = run.data.tags.get("kind") == Parent.SWEEP, run.info.run_id
    found = jobs(store, own) if is_sweep else _records(store, [run])
    return SweepRuns(own if is_sweep else "", run.data.tags, run.data.params, found)


def find_run(store: Store, job_id: str) -> str | None:
    """Return the id of the run that has this tag `job`."""
    found = store.client.search_runs([store.experiment_id], f"tags.job = '{job_id}'", max_results=1)
    return found[0].info.run_id if found else None


def _last_sweep(store: Store) -> MlflowRun:
    found = store.client.search_runs(
        [store.experiment_id], f"tags.kind = '{Parent.SWEEP}'", max_results=1
    )
    if not found:
        said = f"no sweep at {store.shown_uri}; `{commands.train('-m')} …` makes one"
        raise InputError(said)
    return found[0]


def _get(store: Store, run_id: str, key: str) -> MlflowRun:
    """Return a run of the experiment by MLflow's id or the job's own.

    Raises InputError for an id that the server has not, or has of another experiment, and for a
    deleted run.
    """
    if len(run_id) == JOB_ID_LENGTH:
        run_id = find_run(store, run_id) or run_id
    try:
        run = store.client.get_run(run_id)
    except MlflowException as error:
        said = f"no run with this id at {store.shown_uri}"
        raise InputError(f"{key}{run_id or repr(run_id)}: {said}") from error
    if run.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InputError(f"{key}{run_id}: the run was deleted; it can be restored in MLflow's UI")
    if run.info.experiment_id != store.experiment_id:
        name = store.client.get_experiment(run.info.experiment_id).name
        raise InputError(
            f"{key}{run_id}: a run of another experiment, which tracking.experiment='{name}' names"
        )
    return run


def jobs(store: Store, sweep: str) -> list[JobRecord]:
    """Return a sweep's jobs in its order, then its searches, and jobs that could not begin."""
    found = list(search(store, f"tags.`mlflow.parentRunId` = '{sweep}'"))
    for arm in [run for run in found if run.data.tags.get("kind") == Parent.SEARCH]:
        found += search(store, f"tags.`mlflow.parentRunId` = '{arm.info.run_id}'")
    return sorted(_records(store, found), key=lambda job: job.number)


def jobs_by_number(
    store: Store, sweep_id: str, known: Collection[int], only: int | None
) -> Iterator[tuple[int, str, list[Event]]]:
    """Yield number, run id and events of the jobs of a sweep, by its `job_id`.

    Those of `known` numbers are left out, and the server is asked for `only` one, if that is given.
    """
    condition = f"tags.sweep = '{sweep_id}' AND tags.number LIKE '{'%' if only is None else only}'"
    found = {}
    for run in search(store, condition):  # the last run of each job counts
        text = run.data.tags["number"]
        if text.isdecimal() and (number := int(text)) not in known:
            found[number] = run
    histories = events_of(store, found.values())
    for (number, run), events in zip(found.items(), histories, strict=True):
        yield number, run.info.run_id, events


def _records(store: Store, runs: Sequence[MlflowRun]) -> list[JobRecord]:
    """Return the records of runs, from their journals where these lie on this machine."""
    local = {run.info.run_id: record for run in runs if (record := _local(run))}
    others = [run for run in runs if run.info.run_id not in local]
    for run, events in zip(others, events_of(store, others), strict=True):
        record = fold_events(Journal(NOWHERE), events, run.info.run_id)
        local[run.info.run_id] = record or JobRecord(Journal(NOWHERE), run.info.run_id)
    return [local[run.info.run_id] for run in runs]


def _local(run: MlflowRun) -> JobRecord | None:
    """Return the record of a run whose journal still lies where the run says."""
    tags = run.data.tags
    if tags.get("machine") != machine_id() or "folder" not in tags:
        return None
    record = fold_readable(Journal(Path(tags["folder"])))
    return record if record and record.run_id == run.info.run_id else None


def report_location(store: Store, run_id: str, name: str = "comparison") -> str:
    """Return where a sweep's report lies, a file or a page of MLflow's UI, and how to open that."""
    place = f"{store.client.get_run(run_id).info.artifact_uri}/{name}/report.html"
    if local := local_path(place):
        place = str(local)
    elif place.startswith("mlflow-artifacts:"):  # only a server can show it
        run = f"experiments/{store.experiment_id}/runs/{run_id}"
        place = f"{store.shown_uri.rstrip('/')}/#/{run}/artifacts/{name}/report.html"
    return f"Report: {place}\nMLflow: {commands.ui(store.uri, store.experiment_id)}"


def run_location(store: Store, run_id: str) -> str:
    """Return where a run's files lie, unless a server has them, and how to open its own page."""
    info = store.client.get_run(run_id).info
    page = f"MLflow: {commands.ui(store.uri, info.experiment_id, run_id)}"
    folder = local_path(info.artifact_uri)
    if folder is None or not folder.is_dir():
        return page
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    return f"Files: {folder}: {', '.join(names)}\n{page}"


def search(store: Store, condition: str) -> Iterator[MlflowRun]:
    """Yield the runs of the experiment that pass a filter of MLflow's, the oldest first."""
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id],
            condition,
            max_results=PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        yield from page
        if not (token := page.token):
            return


def events_of(store: Store, runs: Collection[MlflowRun]) -> list[list[Event]]:
    """Return the events of each run."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda run: _journal(store, run), runs))


def _journal(store: Store, run: MlflowRun) -> list[Event]:
    """Return the events that a journal of the run would hold."""
    moment = {"time": run.info.start_time or 0}
    inputs = [entry.dataset for entry in (run.inputs.dataset_inputs if run.inputs else [])][:1]
    dataset: dict[str, Any] = {}
    for found in inputs:
        with suppress(ValueError, TypeError):  # of a run that this project did not make
            dataset |= json.loads(found.source)
        dataset |= {"name": found.name, "digest": found.digest}
    tags = {k: v for k, v in run.data.tags.items() if k not in ("outcome", "reason")}
    last = {k: run.data.tags[k] for k in ("outcome", "reason") if k in run.data.tags}
    summary = {k: v for k, v in run.data.metrics.items() if k.startswith(SUMMARY)}
    start: Event = {
        "event": EventKind.START,
        "name": run.info.run_name or "",
        "tags": tags,
        "params": dict(run.data.params),
        "dataset": dataset,
        "tracking": {"uri": store.shown_uri, "experiment": store.experiment},
    }
    epochs = _history(store, run)
    events = [start, {"event": EventKind.HISTORY, "epochs": epochs}]
    if epochs:
        events.append({"event": EventKind.FINAL, "step": epochs[-1]["step"], "values": summary})
    if run.info.status in (Status.FINISHED, Status.FAILED, Status.KILLED):
        events.append({"event": EventKind.END, "status": run.info.status, "tags": last})
    return [event for event in ({**each, **moment} for each in events) if _is_whole(run, event)]


def _is_whole(run: MlflowRun, event: Event) -> bool:
    """Return whether all readers can use an event; tags may have been edited in MLflow's UI."""
    try:
        check(event)
    except ValueError as why:
        log.warning("run %s: its %s is left out: %s", run.info.run_id, event["event"], why)
        return False
    return True


def _history(store: Store, run: MlflowRun) -> list[dict]:
    by_step: dict[int, dict[str, float]] = defaultdict(dict)
    for key in run.data.metrics:
        if not key.startswith(SUMMARY):
            for entry in store.client.get_metric_history(run.info.run_id, key):
                by_step[entry.step][key] = entry.value
    return [{"step": step, "values": by_step[step]} for step in sorted(by_step)]
