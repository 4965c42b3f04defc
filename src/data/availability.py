"""Whether the data that jobs ask for is there, settled once before any of them starts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from src.data import download
from src.errors import InputError


def settle(wanted: Iterable[Mapping[str, Any]]) -> bool:
    """Download what is missing and check what can be checked; True when jobs are to fall back.

    `wanted` holds the jobs' data configs. Raises InputError when data without a fallback cannot
    be had, or a text file is malformed.
    """
    # Jobs that differ in their split alone read the same files: one download, one warning.
    files = dict.fromkeys(
        tuple(data.get(key) for key in ("name", "root", "fallback", "train", "test"))
        for data in wanted
    )
    fallback = False
    for name, root, instead, *texts in files:
        if root is not None:
            fallback |= not _have(name, root, instead)
        for path in filter(None, texts):
            _read_text(path)
    return fallback


def _have(name: str, root: str, fallback: str | None) -> bool:
    if download.ensure(name, root):
        return True
    missing = f"data.root={root}: {name} is not there and cannot be downloaded"
    if fallback is None:
        raise InputError(f"{missing}; put its files into {download.folder(name, root)}")
    warning = f"WARNING: {missing}. Training on {fallback}, 5,000 digits, instead."
    Console(stderr=True, style="bold red", soft_wrap=True).print(warning, highlight=False)
    return False


def _read_text(path: str) -> None:
    from src.data import text

    text.read(Path(path))
