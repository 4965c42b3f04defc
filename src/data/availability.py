"""Availability of data: ensured once, before any of the jobs that want them starts."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from rich.console import Console

from src.config.schema import DRAW_KEYS
from src.errors import InputError
from src.messages.error_text import raised_by

# Of a data config: why the data cannot be had. A check does without torch, which is slow to import.
Check = Callable[[Mapping[str, Any]], str | None]


def ensure_data(wanted: Iterable[Mapping[str, Any]]) -> bool:
    """Make the data available, as their `check` knows how; return True if jobs must fall back.

    `wanted` holds the jobs' data configs. Raises InputError when data without a fallback cannot
    be had.
    """
    # Jobs that differ in their split alone read the same files: one download, one warning.
    distinct = {
        str({k: v for k, v in data.items() if f"data.{k}" not in DRAW_KEYS}): data
        for data in wanted
        if data.get("check")
    }
    return any([_must_fall_back(data) for data in distinct.values()])  # noqa: C419, warn of each


def _must_fall_back(data: Mapping[str, Any]) -> bool:
    name = data["check"]
    module, _, function = name.rpartition(".")
    asked = f"data.check={name}: must name a function that returns why the data lack, or None"
    with raised_by(f"{asked}; it"):
        check: Check = getattr(import_module(module), function)
        refusal = check(data)
    if refusal is None:
        return False
    if not isinstance(refusal, str):
        raise InputError(f"{asked}; it returned {refusal!r}")
    if data.get("fallback") is None:
        raise InputError(refusal)
    warning = f"WARNING: {refusal}. Training on {data['fallback']} instead."
    Console(stderr=True, style="bold red", soft_wrap=True).print(warning, highlight=False)
    return True
