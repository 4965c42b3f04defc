"""What a job tells the tracking server: what it is, each epoch, and truthfully how it ended."""

import math
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src import provenance
from src.config import ASIDE, Resolved, asked
from src.credentials import redact
from src.errors import InputError
from src.metrics import Epoch
from src.signals import handle_signals, raise_if_stop_requested
from src.tracking.journal import TAKEN, Journal
from src.tracking.relay import Relayed
from src.tracking.reuse import Source
from src.tracking.sender import Sender, destination, open_store

if TYPE_CHECKING:
    from src.training.parts import Place

SIDECAR = "sidecar"  # as the config's sweep.relay: the process beside a single job
SAME_JOB = ("mlflow.parentRunId", "number")  # tags that another try of a job has in common with it
Tracker = Sender | Relayed  # who delivers a job's journal: its own process, or one that it reaches


def opening(
    config: Resolved, place: "Place", overrides: Sequence[str], number: int | None
) -> dict[str, Any]:
    """The fields of the event that opens a job's journal, once its data are known."""
    splits = place.splits
    fields = identity(config, overrides, number)
    fields["tags"] |= {"fingerprint": place.fingerprint(config), "split": splits.split_digest}
    fields["params"] |= {"threads": str(place.threads), "device.type": str(place.device)}
    sets = {"train": splits.train, "val": splits.val, "test": splits.test}
    sizes = {name: len(split) for name, split in sets.items() if split}
    return fields | {"dataset": {"name": splits.name, "digest": splits.digest, **sizes}}


def identity(config: Resolved, overrides: Sequence[str], number: int | None) -> dict[str, Any]:
    """Name, tags, params and destination, which are known of a job even if it cannot begin.

    `overrides` are the job's own; `number` is its place in the sweep, None without one.
    """
    tags = {
        "variant": config.variant,
        "seed": config.flat["seed"],
        "job": os.urandom(8).hex(),
        **provenance.tags(),
    }
    if parent := config.tree["sweep"]["run_id"]:
        tags |= {"mlflow.parentRunId": parent, "number": str(number)}
    return {
        "name": _name(config, overrides),
        "tags": tags,
        "params": config.flat,
        "tracking": destination(config.tree["tracking"]),
    }


def _name(config: Resolved, overrides: Sequence[str]) -> str:
    """What varies in the sweep, as typed; of a job alone its model, activation and seed."""
    typed = {o.lstrip("+").partition("=")[0]: o for o in asked(overrides, ASIDE)}
    sweep = config.tree["sweep"]
    varying = sweep["varying"]
    if varying is None:  # the sweeper has not said; the threads are what the sweep adds
        varying = [key for key in typed if key != "threads"]
    if sweep["run_id"] and varying:
        return " ".join(o for key, o in typed.items() if key in varying)
    keys = ("model", "activation", "seed")
    return " ".join(f"{key}={config.flat[key]}" for key in keys if key in config.flat)


def tracker(folder: Path, settings: Mapping[str, Any]) -> Tracker:
    """Who delivers the journal of the job in `folder`."""
    journal, relay = Journal(folder), settings["sweep"]["relay"]
    if relay is None:
        return Sender(journal, partial(open_store, settings["tracking"]))
    return Relayed(journal, None if relay == SIDECAR else relay)


@contextmanager
def recorded(tracker: Tracker, **start: Any) -> Iterator[None]:
    """Record the job's start, and its end where the body does not live to do so.

    A job that is tried again in the same directory goes on in the same MLflow run. Raises
    InputError where another job's results lie.
    """
    _begin(tracker.journal, start)
    is_killed = False
    try:
        with handle_signals():
            yield
    except BaseException as error:
        is_killed = isinstance(error, KeyboardInterrupt)
        if not is_killed:
            with suppress(OSError):  # on a full disk the end is more worth its room
                _keep_traceback(tracker)
        said = redact(f"{type(error).__name__}: {error}")
        reason = said.rstrip(": ")[:500]
        tags = {"outcome": "killed" if is_killed else "failed", "reason": reason}
        tracker.append("end", status="KILLED" if is_killed else "FAILED", tags=tags)
        raise
    finally:
        tracker.close(in_haste=is_killed)


def _begin(journal: Journal, start: dict[str, Any]) -> None:
    """Write that the job begins, or begins again in the run that it had."""
    start["tags"]["folder"] = str(journal.folder.absolute())
    earlier = list(journal.events())
    if not earlier or "number" not in start["tags"]:  # which is tried once
        journal.begin(**start)
        return
    if not _is_same(earlier[0], start):
        raise InputError(f"{journal.folder}: {TAKEN}")
    start["tags"]["job"] = earlier[0]["tags"]["job"]
    if earlier[-1]["event"] == "end":
        start["tags"]["reason"] = ""  # what ended it then did not end it
    journal.append("start", **start)


def _keep_traceback(tracker: Tracker) -> None:
    folder = tracker.journal.folder / "artifacts"
    folder.mkdir(exist_ok=True)
    (folder / "traceback.txt").write_text(redact(traceback.format_exc()))
    tracker.append("files", path="artifacts")


def logged(
    epochs: Iterator[Epoch], tracker: Tracker, earlier: Sequence[Epoch] = ()
) -> Iterator[Epoch]:
    """Record each epoch as it passes, and before them the `earlier` ones that are not yet."""
    known = {event.get("step") for event in tracker.journal.events() if event["event"] == "metrics"}
    raise_if_stop_requested()
    for epoch in chain(earlier, epochs):
        if epoch.epoch not in known:
            tracker.append("metrics", step=epoch.epoch, values=epoch.metrics)
        if epoch not in earlier:
            yield epoch
            raise_if_stop_requested()


def adopt(tracker: Tracker, opening: Mapping[str, Any], source: Source) -> float:
    """Record a job as what `source` found; its best validation error."""
    tags = {**opening["tags"], "reused_from": source.run_id}
    history = [{"step": epoch.epoch, "values": epoch.metrics} for epoch in source.epochs]
    _begin(tracker.journal, {**opening, "tags": tags})
    tracker.append("history", epochs=history)
    tracker.append("final", step=source.epochs[-1].epoch, values=source.summary)
    tracker.append("end", status="FINISHED", tags={"outcome": source.outcome})
    tracker.close()
    return source.summary.get("best/val_error", math.inf)


def finished(tracker: Tracker, opening: Mapping[str, Any]) -> float | None:
    """The best validation error of a job that has ended well and was killed just after that."""
    last = {event["event"]: event for event in tracker.journal.events()}
    if last.get("end", {}).get("status") != "FINISHED" or not _is_same(last["start"], opening):
        return None
    tracker.close()
    return last["final"]["values"].get("best/val_error", math.inf)


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two events start the same job, if not at the same try."""
    return all(one["tags"].get(tag) == other["tags"].get(tag) for tag in SAME_JOB)
