"""The events of a journal: their kinds, the fields of each, and how a line becomes one."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from src.config.rules import Rule, one_of, whole
from src.config.schema import SCHEMA, unflatten
from src.errors import InputError
from src.metrics import VAL_ERROR, defined, find_metric
from src.status import Outcome, Status

Event = Mapping[str, Any]

FILES = "artifacts"  # the folder beside a journal whose files go to the tracking server


class EventKind(StrEnum):
    """The kinds of event; a journal names them in the field `event`."""

    START = "start"
    METRICS = "metrics"  # of one epoch
    HISTORY = "history"  # epochs that an earlier job, or an earlier attempt elsewhere, has trained
    FINAL = "final"  # metrics of the whole run
    FILES = "files"
    LOOK = "look"  # of a sweep at its jobs: see `compare.looks`
    TAGS = "tags"
    REQUEUED = "requeued"  # the scheduler starts the job again later
    END = "end"


class Action(StrEnum):
    """Ways to come by the result of a job."""

    REUSE = "reuse"
    RESUME = "resume"
    TRAIN = "train"


class Role(StrEnum):
    """The part that a job has in its sweep."""

    REPORTED = "reported"  # is compared
    TRIAL = "trial"  # of a search
    UNTUNED = "untuned"  # a variant of a tuned sweep at the settings of the config


class Parent(StrEnum):
    """The kinds of run that have others below them, as the tag `kind` says."""

    SWEEP = "sweep"
    SEARCH = "search"  # of an arm of a tuned sweep


REQUIRED: Mapping[EventKind, Collection[str]] = {
    EventKind.START: ("name", "tags"),
    EventKind.METRICS: ("step", "values"),
    EventKind.HISTORY: ("epochs",),
    EventKind.FINAL: ("values",),
    EventKind.FILES: ("paths",),
    EventKind.LOOK: ("variants",),
    EventKind.TAGS: ("tags",),
    EventKind.REQUEUED: (),
    EventKind.END: ("status",),
}


def _is_integer(text: Any, low: int = 0) -> bool:
    try:
        return isinstance(text, str) and low <= int(text) < 2**62
    except ValueError:
        return False


def _is_epoch(value: Any) -> bool:
    return isinstance(value, dict) and not _damage(value, FIELDS, REQUIRED[EventKind.METRICS])


def _is_look(jobs_by_seed: Any) -> bool:
    return TEXTS.allows(jobs_by_seed) and all(map(_is_integer, jobs_by_seed))


def _is_own(path: Any) -> bool:
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    return parts[:1] == (FILES,) and ".." not in parts


def _mapping(allows: Callable[[Any], bool], words: str) -> Rule:
    return Rule(lambda v: isinstance(v, dict) and all(map(allows, v.values())), words)


def _list(allows: Callable[[Any], bool], words: str) -> Rule:
    return Rule(lambda v: isinstance(v, list) and all(map(allows, v)), words)


def _stored(rule: Rule) -> Rule:
    """Allow a rule's values as a flat config keeps them."""
    return Rule(lambda text: rule.allows(text) or rule.allows(unflatten(text)), rule.words)


TEXT = Rule(lambda v: isinstance(v, str), "text")
TEXTS = _mapping(TEXT.allows, "a mapping to texts")
COUNT, INTEGER = whole(0), Rule(_is_integer, "an integer of at least 0")
INT_64 = whole(-(2**63))

FIELDS: Mapping[str, Rule] = {  # of events
    "time": COUNT,  # in milliseconds
    "name": TEXT,
    "tags": TEXTS,
    "params": TEXTS,
    "tracking": TEXTS,
    "dataset": _mapping(lambda v: True, "a mapping"),
    "identity": _mapping(lambda v: True, "a mapping"),
    "action": one_of(*Action),
    "step": COUNT,
    "values": _mapping(  # NaN and infinity among them
        lambda v: isinstance(v, float) or INT_64.allows(v), "a mapping to numbers"
    ),
    "epochs": _list(_is_epoch, "a list of steps and their values"),
    "correct": TEXT,
    "paths": _list(_is_own, f"a list of paths below {FILES}"),
    "variants": _mapping(_is_look, "a mapping to fingerprints by seed"),
    "status": one_of(*Status),
}
TAGS = {
    "kind": one_of(*Parent),
    "role": one_of(*Role),
    "outcome": one_of(*Outcome),
    "classes": Rule(lambda v: _is_integer(v, 1), "an integer of at least 1"),
    **dict.fromkeys(("number", "jobs", "trial"), INTEGER),
    "rung": Rule(lambda v: [*map(_is_integer, v.split("/"))] == [True] * 2, "two integers, N/N"),
}
PARAMS = {
    key: _stored(rule)
    for key, rule in SCHEMA.items()
    if key in ("seed", "tune.budget") or key.startswith(("compare.", "published."))
}
DATASET = {
    **dict.fromkeys(("name", "digest"), TEXT),
    **dict.fromkeys(("train", "val", "test", "classes"), COUNT),
    "input_shape": _list(whole(1).allows, "a list of integers"),
    "class_names": _list(TEXT.allows, "a list of texts"),
}
IDENTITY = {"config": TEXT, "data": TEXT, "code": TEXTS}


def event_now(kind: EventKind, **fields: Any) -> Event:
    """Return an event that happens now; its time is in milliseconds."""
    return {"event": EventKind(kind), "time": time.time_ns() // 1_000_000, **fields}


def parse(line: bytes) -> Event:
    """Return the event of a line. Raises ValueError if it is none that all readers can use."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(event, dict):
        raise ValueError("no mapping")
    if "path" in event:  # of former versions: a folder
        event["paths"] = [event["path"]]
    check(event)
    return event


def check(event: Event) -> None:
    """Raise ValueError for an event of an unknown kind, and for the first field that is wrong."""
    kind = EventKind(event.get("event", ""))
    found = _damage(event, FIELDS, ("time", *REQUIRED[kind]))
    for name, known, required in (
        ("tags", TAGS, ()),
        ("params", PARAMS, ()),
        ("dataset", DATASET, ("name", "digest")),
        ("identity", IDENTITY, IDENTITY),
    ):
        if not found and event.get(name):
            found = _damage(event[name], known, required, f"{name}.")
    if found:
        raise ValueError(found)
    if params := event.get("params"):
        try:
            find_metric(params.get("select_by", VAL_ERROR), defined(params))
        except (ValueError, InputError) as error:
            raise ValueError(f"params: {error}") from None


def _damage(
    found: Mapping[str, Any], known: Mapping[str, Rule], required: Collection[str], prefix: str = ""
) -> str:
    """Return the first key that is missing or has a wrong value, and what must hold; else ""."""
    for key in required:
        if key not in found:
            return f"{prefix}{key}: must be given"
    for key, rule in known.items():
        if key in found and not rule.allows(found[key]):
            return f"{prefix}{key}: must be {rule.words}"
    return ""
