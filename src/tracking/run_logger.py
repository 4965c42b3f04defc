"""Writing of a job's journal: its start, each epoch, and how it truly ended."""

import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src import provenance
from src.config.resolved import Identity, Resolved, flatten
from src.config.schema import NON_RESULT_KEYS, experiment_overrides
from src.errors import InputError, JobRequeued
from src.messages.credentials import redact
from src.metrics import Epoch
from src.process import scheduler
from src.process.signals import Terminated, handle_signals, raise_if_stop_requested
from src.tracking.event import Event, EventKind, Parent, event_now
from src.tracking.job_record import SEARCH_TAGS, Action, JobRecord, Status, fold
from src.tracking.journal import DIRECTORY_IN_USE, FILES, Journal
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from src.training.setup import Environment

NAME_KEYS = ("model", "activation", "seed")


def start_event(
    config: Resolved, environment: "Environment", overrides: Sequence[str], number: int | None
) -> dict[str, Any]:
    """Return the fields of a journal's first event, once the job's data are known."""
    splits, identity = environment.splits, environment.identity(config)
    fields = job_metadata(config, overrides, number, identity)
    fields["tags"] |= {"split": splits.split_digest, "classes": str(splits.classes)}
    fields["params"] |= {
        "threads": str(environment.threads),
        "device.type": str(environment.device),
    }
    sets = {"train": splits.train, "val": splits.val, "test": splits.test}
    sizes = {name: len(split) for name, split in sets.items() if split}
    names = list(splits.class_names)
    example: dict[str, Any] = {"input_shape": list(splits.input_shape), "classes": splits.classes}
    if names != [str(k) for k in range(splits.classes)]:
        example["class_names"] = names
    return fields | {"dataset": {"name": splits.name, "digest": splits.digest, **sizes, **example}}


def job_metadata(
    config: Resolved,
    overrides: Sequence[str],
    number: int | None,
    identity: Identity | None = None,
) -> dict[str, Any]:
    """Return name, tags, params and destination, known of a job even if it cannot begin.

    `overrides` are the job's own; `number` is its place in the sweep, None without one; `identity`
    is known once it can.
    """
    tags = {
        "variant": config.variant(identity.data if identity else ""),
        "seed": config.flat["seed"],
        "job": os.urandom(8).hex(),
        "result_index": ResultIndex.of(config.nested).name,
        **provenance.tags(identity.code if identity else provenance.ALL_CODE),
    }
    found: dict[str, Any] = {}
    if identity:
        tags |= {"fingerprint": identity.fingerprint, "code": identity.code_digest}
        found = {"identity": asdict(identity)}
    if sweep := config.nested["sweep"]["id"]:
        tags |= {"sweep": sweep, "number": str(number), **(config.nested["sweep"]["tags"] or {})}
    return {
        "name": _name(config, overrides),
        "tags": tags,
        "params": config.flat,
        "tracking": vars(TrackingSettings.of(config.nested["tracking"]).public),
        **found,
    }


def _name(config: Resolved, overrides: Sequence[str]) -> str:
    """Return what varies in the sweep, as typed; of a single job all that was typed.

    Where nothing was, these are model, activation and seed.
    """
    own = experiment_overrides(overrides, NON_RESULT_KEYS)
    typed = {o.lstrip("+").partition("=")[0]: o for o in own}
    sweep = config.nested["sweep"]
    varying = sweep["id"] and sweep["varying"]  # the threads are what a sweep adds
    named = varying or [key for key in typed if key != "threads"]
    if varying or named:
        return " ".join(o for key, o in typed.items() if key in named)
    return " ".join(f"{key}={config.flat[key]}" for key in NAME_KEYS if key in config.flat)


@contextmanager
def run_lifecycle(
    journal: Journal, start: Mapping[str, Any], action: Action = Action.TRAIN
) -> Iterator[None]:
    """Record the job's start, and its end where the body does not live to do so.

    A job that is tried again in the same directory goes on in the same MLflow run. Raises
    InputError where another job's results lie.
    """
    _begin(journal, start, action)
    try:
        with handle_signals():
            yield
    except BaseException as error:  # no end of a job goes unrecorded
        is_killed = isinstance(error, KeyboardInterrupt)
        if (record := fold(journal)) and record.has_ended:  # it was done when the stop came
            raise
        if not isinstance(error, Exception) and scheduler.starts_again(
            isinstance(error, Terminated)
        ):
            journal.append(EventKind.REQUEUED)
            raise JobRequeued from error
        if not is_killed:
            path = journal.folder / FILES / "traceback.txt"
            with suppress(OSError):  # on a full disk the end is more worth its room
                path.parent.mkdir(exist_ok=True)
                said = redact(traceback.format_exc())
                path.write_text(said, encoding="utf-8", errors="replace")
                journal.append_files([path])
        reason = redact(f"{type(error).__name__}: {error}").rstrip(": ")[:500]
        status = Status.KILLED if is_killed else Status.FAILED
        end(journal, status, reason)
        raise


def _begin(journal: Journal, start: Mapping[str, Any], action: Action, *more: Event) -> None:
    """Write that the job begins, or begins again in the run that it had, and `more` after that."""
    tags = {**start["tags"], "folder": str(journal.folder.absolute())}
    earlier = fold(journal)
    if earlier is None or "number" not in tags:  # a single run is tried once
        journal.begin(*more, **{**start, "tags": tags, "action": action})
        return
    if not _is_same_job(earlier, tags):
        raise InputError(f"{journal.folder}: {DIRECTORY_IN_USE}")
    tags["job"] = earlier.job_id
    if earlier.reason:
        tags["reason"] = ""  # the end of the earlier attempt is not that of this one
    again = event_now(EventKind.START, **{**start, "tags": tags, "action": action})
    journal.extend(again, *more)


def _is_same_job(earlier: JobRecord, tags: Mapping[str, str]) -> bool:
    """Return whether a start belongs to the same job, possibly to another attempt."""
    return (earlier.sweep_id, earlier.tags.get("number")) == (tags.get("sweep"), tags["number"])


def log_epochs(
    epochs: Iterator[Epoch], journal: Journal, earlier: Sequence[Epoch] = ()
) -> Iterator[Epoch]:
    """Record each epoch as it passes, and before them the `earlier` ones that are not yet."""
    record = fold(journal)
    known = record.by_step if record else {}
    raise_if_stop_requested()
    if unknown := [epoch for epoch in earlier if epoch.epoch not in known]:
        journal.append(EventKind.HISTORY, epochs=_history(unknown))
    for epoch in epochs:
        if epoch.epoch not in known:
            journal.append(EventKind.METRICS, step=epoch.epoch, values=epoch.metrics)
        yield epoch
        raise_if_stop_requested()


def _history(epochs: Iterable[Epoch]) -> list[dict[str, Any]]:
    return [{"step": epoch.epoch, "values": epoch.metrics} for epoch in epochs]


def cached_start(
    config: Resolved, identity: Identity, source: JobRecord, overrides: Sequence[str], number: int
) -> dict[str, Any]:
    """Return the fields of the first event of a job that is what `source` found."""
    fields = job_metadata(config, overrides, number, identity)
    for field, keys in (("tags", ("split",)), ("params", ("threads", "device.type"))):
        kept = getattr(source, field)
        fields[field] |= {key: kept[key] for key in keys if key in kept}
    return fields | {"dataset": source.dataset}


def record_cached(journal: Journal, start: Mapping[str, Any], source: JobRecord) -> float:
    """Record a job as what `source` found; return its figure for a sweeper."""
    origin = source.tags.get("reused_from") or source.run_id or source.job_id
    tags = {**start["tags"], "reused_from": origin}
    last, outcome = source.epochs[-1].epoch, {"outcome": source.outcome}
    _begin(
        journal,
        {**start, "tags": tags},
        Action.REUSE,
        event_now(EventKind.HISTORY, epochs=_history(source.epochs)),
        event_now(EventKind.FINAL, step=last, values=source.summary, correct=source.correct),
        event_now(EventKind.END, status=Status.FINISHED, tags=outcome),
    )
    return source.objective


def already_finished(journal: Journal, sweep: str, number: int) -> JobRecord | None:
    """Return the record of a job of a sweep that has ended well, by an earlier process of it."""
    record = fold(journal)
    is_same = record and _is_same_job(record, {"sweep": sweep, "number": str(number)})
    return record if record and is_same and record.status == Status.FINISHED else None


def sweep_start(
    name: str,
    folder: Path,
    settings: Mapping[str, Any],
    report: Mapping[str, str],
    jobs: int | None,
    is_search: bool,
) -> dict[str, Any]:
    """Return the fields of the first event of a sweep's journal.

    `settings` is its config; `jobs` is how many there are, None where its sweeper decides as it
    goes, and `is_search` whether this is another project's, which looks for the best settings.
    """
    tags = {
        "kind": Parent.SWEEP,
        "job": os.urandom(8).hex(),
        "folder": str(folder.absolute()),
        **({"jobs": str(jobs)} if jobs else {}),
        **(SEARCH_TAGS if is_search else {}),
        **provenance.tags(),
        **report,
    }
    return {
        "name": name,
        "tags": tags,
        "params": flatten({"compare": settings["compare"], "tune": settings["tune"]}),
        "tracking": vars(TrackingSettings.of(settings["tracking"]).public),
    }
