"""Availability of data: ensured once, before any of the jobs that want them starts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from src.data import download
from src.errors import InputError


def ensure_data(wanted: Iterable[Mapping[str, Any]]) -> bool:
    """Download missing data and check text files; return True if jobs must fall back.

    `wanted` holds the jobs' data configs. Raises InputError when data without a fallback cannot
    be had, or a text file is malformed.
    """
    # Jobs that differ in their split alone read the same files: one download, one warning.
    files: dict[tuple[Any, ...], None] = dict.fromkeys(
        tuple(data.get(key) for key in ("name", "root", "fallback", "train", "test"))
        for data in wanted
    )
    must_fall_back = False
    for name, root, fallback, *texts in files:
        if root is not None:
            must_fall_back |= not _is_available(name, root, fallback)
        for path in filter(None, texts):
            _check_text(path)
    return must_fall_back


def _is_available(name: str, root: str, fallback: str | None) -> bool:
    if download.ensure(name, root):
        return True
    refusal = f"data.root={root}: {_absence(name, root)}, and no mirror can be reached"
    if fallback is None:
        raise InputError(f"{refusal}; put the files of {name} into {download.folder(name, root)}")
    warning = f"WARNING: {refusal}. Training on {fallback} instead."
    Console(stderr=True, style="bold red", soft_wrap=True).print(warning, highlight=False)
    return False


def _absence(name: str, root: str) -> str:
    """Return which files are not where they must be, and where some of them may be instead."""
    missing = download.missing(name, root)
    names = ", ".join(path.name for path in missing)
    files = "its files" if len(missing) == len(download.FILES) else names
    found = download.elsewhere(name, root)
    hint = f" (there are some in {found})" if found else ""
    return f"{name} lacks {files} in {missing[0].parent}{hint}"


def _check_text(path: str) -> None:
    from src.data import text

    text.read(Path(path))
