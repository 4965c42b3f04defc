"""The submission of a sweep: the code that its queued jobs run, and where its jobs wait."""

import os
import shutil
from collections.abc import Iterable, Mapping
from importlib.machinery import all_suffixes
from pathlib import Path

from src.code_digest import SITES, SNAPSHOT
from src.folders import CODE, ROOT
from src.process import scheduler
from src.provenance import COMMIT
from src.tracking.event import EventKind
from src.tracking.job_record import fold
from src.tracking.journal import Journal

MAX_COPIED_BYTES = 1_000_000  # bytes of a file beside code


def copy_code(sweep: Path) -> Path:
    """Copy code and config, as this process has read them, into a sweep's folder; return where.

    An edit while jobs wait in a queue reaches none of them. Modules may be imported by a name that
    is made as a job runs, and data lie beside them, so other files of their folders follow.
    """
    folder = sweep / "code"
    if not folder.exists():
        shutil.copytree(CODE / "conf", folder / "conf")
        (folder / "clone").symlink_to(ROOT)
        for copy, file in SNAPSHOT.write(folder).items():
            if file.parent.name not in SITES:
                _complete(copy.parent, file.parent)
        record = fold(Journal(sweep))
        (folder / COMMIT).write_text(record.tags["git_commit"] if record else "unknown")
    return folder


def _complete(copy: Path, folder: Path) -> None:
    """Add missing files of a folder to its copy: small ones of a package, else links.

    Modules beside one that is in no package are left to be found where they are.
    """
    is_package = _is_package(folder)
    copy.mkdir(exist_ok=True)
    for file in folder.iterdir():
        target, is_inner = copy / file.name, _is_package(file)
        is_code = is_inner or file.suffix in all_suffixes()
        if os.path.lexists(target) or file.name == "__pycache__" or (is_code and not is_package):
            continue
        if is_inner:
            _complete(target, file)
        elif is_package and os.access(file, os.R_OK) and _is_small(file):
            shutil.copy(file, target)
        else:
            target.symlink_to(file.absolute())


def _is_package(folder: Path) -> bool:
    return os.access(folder / "__init__.py", os.R_OK)  # exists() raises for what is not ours


def _is_small(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= MAX_COPIED_BYTES


def environment(code: Path) -> Mapping[str, str]:
    """Return the variables with which a process runs that code, wherever it starts."""
    places = [code, code / "src" / "plugins", os.environ.get("PYTHONPATH", ""), Path.cwd()]
    return {
        "PYTHONPATH": os.pathsep.join(str(place) for place in places if str(place)),
        "PYTHONSAFEPATH": "1",  # or the folder in which it starts comes first
    }


def record(sweep: Path, arrays: Iterable[str]) -> str:
    """Write into a sweep's journal which arrays of SLURM's its jobs are; return their name."""
    name = scheduler.job_name(scheduler.cluster() or "", ",".join(arrays))
    Journal(sweep).append(EventKind.TAGS, tags={"scheduler_job": name})
    scheduler.forget()
    return name
