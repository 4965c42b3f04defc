"""The events of a journal: their kinds, and how a line becomes one."""

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Event = Mapping[str, Any]


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


TYPES: Mapping[str, type] = {  # of an event's fields
    "time": int,
    "name": str,
    "tags": dict,
    "params": dict,
    "tracking": dict,
    "step": int,
    "values": dict,
    "epochs": list,
    "paths": list,
    "status": str,
}
NUMBERS = (("tags", "number"), ("tags", "classes"), ("params", "seed"))  # whole ones, as text


def event_now(kind: EventKind, **fields: Any) -> Event:
    """Return an event that happens now; its time is in milliseconds."""
    return {"event": EventKind(kind), "time": time.time_ns() // 1_000_000, **fields}


def parse(line: bytes) -> Event | None:
    """Return the event of a line, or None if it is not a whole event of a known kind."""
    try:
        event = json.loads(line)
        EventKind(event["event"])
        is_whole = "time" in event and all(_is_typed(*field) for field in event.items())
        texts = [event[field][key] for field, key in NUMBERS if key in event.get(field, {})]
        seeds = (seed for jobs in event.get("variants", {}).values() for seed in jobs)  # of a look
        for text in (*texts, *seeds):
            int(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return event if is_whole else None


def _is_typed(key: str, value: object) -> bool:
    if key == "values" and isinstance(value, dict):
        return all(isinstance(each, int | float) for each in value.values())
    return isinstance(value, TYPES.get(key, object))
