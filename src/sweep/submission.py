"""The submission of a sweep: the code that its queued jobs run, and where its jobs wait."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from src import CODE, ROOT, scheduler
from src.code_digest import SNAPSHOT
from src.provenance import COMMIT
from src.tracking.event import EventKind
from src.tracking.job_record import fold
from src.tracking.journal import Journal


def copy_code(sweep: Path) -> Path:
    """Copy code and config, as this process has read them, into a sweep's folder; return where.

    An edit while jobs wait in a queue reaches none of them.
    """
    folder = sweep / "code"
    if not folder.exists():
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("src", "conf"):
            shutil.copytree(CODE / name, folder / name, ignore=ignored)
        SNAPSHOT.write(folder)
        (folder / "clone").symlink_to(ROOT)
        record = fold(Journal(sweep))
        (folder / COMMIT).write_text(record.tags["git_commit"] if record else "unknown")
    return folder


def environment(code: Path) -> Mapping[str, str]:
    """Return the variables with which a process runs that code, wherever it starts."""
    places = [code, code / "src" / "plugins", os.environ.get("PYTHONPATH", ""), Path.cwd()]
    return {
        "PYTHONPATH": os.pathsep.join(str(place) for place in places if str(place)),
        "PYTHONSAFEPATH": "1",  # or the folder in which it starts comes first
    }


def record(sweep: Path, job_id: str) -> str:
    """Write into a sweep's journal which array of SLURM's its jobs are; return the array's name."""
    name = scheduler.job_name(scheduler.cluster() or "", job_id)
    Journal(sweep).append(EventKind.TAGS, tags={"scheduler_job": name})
    return name
