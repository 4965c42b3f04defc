"""The sink of journals: MLflow, written to."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, LifecycleStage, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from src.messages.error_text import clip
from src.status import Status
from src.tracking import embedded
from src.tracking.event import Event, EventKind
from src.tracking.job_record import fold, fold_readable
from src.tracking.journal import ALL_EVENTS, FILES, JOURNAL, SWEEP_DEPTH, Journal
from src.tracking.lock import locked
from src.tracking.mlflow_source import JOB_ID_LENGTH, find_run
from src.tracking.store import Store
from src.tracking.sweep_journals import SEARCHES

STATES = (EventKind.START, EventKind.REQUEUED, EventKind.END)
NAME_LENGTH = 250  # of a run's name in MLflow's tables, to which PostgreSQL holds

log = logging.getLogger(__name__)


def send(journal: Journal, connect: Callable[[], Store]) -> int:
    """Deliver what the server does not have yet, exactly once; return how many events that were.

    Raises what the server or the network raises.
    """
    if not journal.has_unsent:
        return 0
    store = connect()
    with locked(journal.path):  # sent by two at once, it would become two runs
        sent = journal.sent
        numbered = list(journal.numbered(sent.events))
        events = [event for _, event in numbered]
        if events:
            if not sent.was_tried:
                journal.mark_sent(0, None)  # from here on a run may exist
            record = fold(journal) if sent.was_tried else None
            run_id = sent.run_id or (find_run(store, record.job_id) if record else None)
            try:
                run_id = deliver(store, run_id, events, journal.folder)
            except MlflowException:
                if run_id is None or not is_deleted(store, run_id):
                    raise
                log.warning(
                    "%s: its run %s was deleted at %s; nothing more of it is sent",
                    *(journal.folder, run_id, store.shown_uri),
                )
                journal.mark_sent(ALL_EVENTS, run_id)  # now or later
                return 0
            embedded.flush(store.uri)  # before it is said to be there
            # A power cut may take this mark; then the run is found by its tag, and sent once more.
            journal.mark_sent(numbered[-1][0] + 1, run_id, waits_for_disk=False)
    return len(events)


def is_deleted(store: Store, run_id: str) -> bool:
    """Return whether a run that was there is gone, for a while or for ever."""
    try:
        return store.client.get_run(run_id).info.lifecycle_stage == LifecycleStage.DELETED
    except MlflowException as error:
        return error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)


def deliver(store: Store, run_id: str | None, events: Sequence[Event], folder: Path) -> str:
    """Send events of the journal in `folder`; return the id of their run, made if it is None.

    They travel in as few requests as they can, for each costs a database several flushes to disk.
    Sending them again changes nothing, for metrics carry their time.
    """
    metrics, files = [], []
    params = {k: v for event in events for k, v in event.get("params", {}).items()}
    tags = {k: v for event in events for k, v in event.get("tags", {}).items()}
    tags = _with_run_ids(store, tags, folder)
    starts = [event for event in events if event["event"] == EventKind.START]
    if starts or run_id is None:
        run_id = _start(store, starts[-1] if starts else {}, tags, run_id)
    for event in events:
        kind = event["event"]
        if kind == EventKind.METRICS:
            metrics += _metrics(event)
        elif kind == EventKind.FINAL:
            metrics += _metrics({**event, "step": 0})  # a later one would be drawn as a curve
        elif kind == EventKind.HISTORY:
            metrics += [metric for epoch in event["epochs"] for metric in _metrics(event | epoch)]
        elif kind == EventKind.FILES:
            files += [file for path in event["paths"] for file in _files(folder / path)]
    _log(store, run_id, metrics, params, {} if starts else tags)
    states = [event for event in events if event["event"] in STATES]
    if states and states[-1]["event"] == EventKind.END:  # an answer may come after it
        store.client.set_terminated(run_id, states[-1]["status"], states[-1]["time"])
    elif states and states[-1]["event"] == EventKind.REQUEUED:
        store.client.update_run(run_id, status=Status.SCHEDULED)
    # Last: an artifact store may be away while the server is not.
    _send_files(store, run_id, files, folder / FILES)
    return run_id


def _with_run_ids(store: Store, tags: dict[str, str], folder: Path) -> dict[str, str]:
    """Return tags in which a sweep and the source of a result are named as MLflow does.

    Raises LookupError while the run of the sweep, or of its arm, is not there and may yet come.
    """
    above = [tags[key] for key in ("parent", "sweep") if key in tags]  # first the arm of a trial
    parent = _run_of_sweep(store, above[0], folder) if above else None
    if above and parent is None:
        if not _has_lost_start(folder):
            raise LookupError("the run of the sweep, or of its arm, is not there yet")
        parent = _run_of_sweep(store, above[-1], folder)
    if parent is not None:
        tags |= {"mlflow.parentRunId": parent}
    origin = tags.get("reused_from", "")
    if len(origin) == JOB_ID_LENGTH and (run_id := find_run(store, origin)):
        tags |= {"reused_from": run_id}
    return tags


def _run_of_sweep(store: Store, sweep: str, folder: Path) -> str | None:
    """Return the run of the sweep whose journal lies above `folder`, or that the server has."""
    for journal in _above(folder):
        if (record := fold_readable(journal)) and record.job_id == sweep:
            return record.run_id or find_run(store, sweep)
    return find_run(store, sweep)


def _above(folder: Path) -> list[Journal]:
    """Return the journals above a job's folder, the nearest first, as far as a sweep's may lie."""
    found = (Journal(above) for above in list(folder.absolute().parents)[:SWEEP_DEPTH])
    return [journal for journal in found if journal.path.is_file()]


def _has_lost_start(folder: Path) -> bool:
    """Return whether damage has cost the sweep above a job, or an arm, its start and so its run."""
    for sweep in _above(folder)[:1]:
        searches = sweep.folder.glob(f"{SEARCHES}/*/{JOURNAL}")
        for journal in (sweep, *(Journal(file.parent) for file in searches)):
            if journal.is_readable and fold_readable(journal) is None:
                log.warning("%s: its start is damaged; its jobs are sent without it", journal.path)
                return True
    return False


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


def _files(path: Path) -> list[Path]:
    """Return a file, or those of a folder, as journals of former versions name them."""
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _send_files(store: Store, run_id: str, files: Sequence[Path], root: Path) -> None:
    """Move files into the run's artifacts, by their paths below `root`; others there stay."""
    for file in files:
        if file.exists():  # gone when it was sent before
            below = file.relative_to(root).parent
            store.client.log_artifact(run_id, str(file), str(below) if below.name else None)
            file.unlink()
    for folder in sorted({parent for file in files for parent in file.parents}, reverse=True):
        if folder.is_relative_to(root):
            with suppress(OSError):  # gone already, or holds what is not the job's
                folder.rmdir()


def _start(store: Store, start: Event, tags: Mapping[str, str], run_id: str | None) -> str:
    """Return the id of the run, which is made, or goes on where its process was killed."""
    client = store.client
    if run_id is not None:
        client.update_run(run_id, status=Status.RUNNING)
        client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
    else:
        name, time = start.get("name", ""), start.get("time")
        made = client.create_run(
            store.experiment_id, time, tags=dict(tags), run_name=clip(name, NAME_LENGTH)
        )
        run_id = made.info.run_id
    if data := start.get("dataset"):  # of which MLflow keeps one, however often it is told
        dataset = Dataset(data["name"], data["digest"], "local", json.dumps(data), profile=None)
        context = InputTag("mlflow.data.context", "training")
        client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    return run_id


def _metrics(event: Event) -> list[Metric]:
    # SQL has no NaN of its own; MLflow stores it and infinity from Python floats.
    return [Metric(k, float(v), event["time"], event["step"]) for k, v in event["values"].items()]
