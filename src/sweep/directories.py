"""Checks of the directories that a command writes to, before anything is trained."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from src.config.schema import STATE_KEYS
from src.errors import InputError
from src.messages.addresses import database_path, local_path
from src.messages.error_text import clip
from src.tracking.journal import OWN_NAMES, Journal


def check_directories(nested: Mapping[str, Any], key: str, folder: Path) -> None:
    """Raise InputError where a job cannot write its state, its artifacts or its own directory.

    `key` is the one of Hydra's that names `folder`, of a run or a sweep, which must be unused.
    """
    if folder.parts[:1] and folder.parts[0].startswith("~"):
        raise InputError(f"{key}={folder}: must be written out; Hydra expands no ~")
    if folder == Path():
        raise InputError(f"{key}={folder}: must be a directory of its own")
    for name in STATE_KEYS:
        check_writable(name, Path(nested[name]))
    artifacts = local_path(nested["tracking"]["artifacts"])
    if artifacts is not None and database_path(nested["tracking"]["uri"]) is not None:
        check_writable("tracking.artifacts", artifacts)
    check_writable(key, folder)
    Journal(folder).check_unused(f"{key}={folder}")


def check_job_folders(folders: Iterable[Path], sweep: Path) -> None:
    """Raise InputError unless each job has a directory of its own in that of its sweep."""
    key, sweep = "hydra.sweep.subdir", _normal(sweep)
    taken = {sweep}
    for folder in map(_normal, folders):
        if not folder.is_relative_to(sweep):
            raise InputError(f"{key}: {folder} must lie in hydra.sweep.dir={sweep}")
        if folder in taken:
            raise InputError(
                f"{key}: {folder} would be that of two jobs; each needs its own, "
                "such as ${hydra.job.num}"
            )
        if folder.relative_to(sweep).parts[0] in OWN_NAMES:
            raise InputError(f"{key}: {folder} lies in a file of the sweep's own")
        taken.add(folder)
        _check_names(key, folder, sweep.parent)
        Journal(folder).check_unused(f"{key}={folder}")


def _normal(folder: Path) -> Path:
    return Path(os.path.normpath(folder.absolute()))


def check_writable(key: str, folder: Path) -> None:
    """Raise InputError unless `folder`, made or not yet, can be written to; leave nothing."""
    above = folder.absolute()
    try:
        while not os.path.lexists(above) and above != above.parent:
            above = above.parent
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise InputError(
            f"{key}={folder}: must be a directory that can be written to; {above}: {error.strerror}"
        ) from error
    _check_names(key, folder.absolute(), above)


def _check_names(key: str, folder: Path, above: Path) -> None:
    """Raise InputError for a name in `folder` that the file system of `above` does not take."""
    while not above.exists():
        above = above.parent
    most = os.pathconf(above, "PC_NAME_MAX")
    for name in folder.parts:
        if (length := len(os.fsencode(name))) > most:
            said = f"has {length} bytes; a name must have at most {most}"
            raise InputError(f"{key}: {clip(name, 40)} {said}")
