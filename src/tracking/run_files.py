"""The files of a run: beside its journal while they wait to be sent, else its MLflow artifacts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from src.errors import InputError
from src.messages.addresses import local_path
from src.messages.error_text import told_as
from src.tracking.job_record import JobRecord
from src.tracking.journal import FILES

if TYPE_CHECKING:
    from src.tracking.store import Store


Fetch = Callable[[JobRecord, str, Path], Path]  # a run's file by its name, and a folder for it


def fetch(connect: "Callable[[], Store]", record: JobRecord, name: str, folder: Path) -> Path:
    """Return the file `name` of a run, downloaded into `folder` where it does not lie here.

    Of a run that was reused it is its source's. Raises InputError where it is not kept, or what
    `connect` raises.
    """
    for path in _places(record, name):
        if path.is_file():
            return path
    with told_as(f"run={record.run_id or record.job_id}: its {name} cannot be had"):
        store = connect()
        return Path(store.client.download_artifacts(source_run(store, record), name, str(folder)))


def _places(record: JobRecord, name: str) -> Iterator[Path]:
    """Yield where a file may lie: beside the journal, or as an embedded database keeps it."""
    yield record.journal.folder / FILES / name
    root, run_id = local_path(record.destination.artifacts), trained_by(record)
    if root is not None and run_id is not None:
        yield root / run_id / "artifacts" / name
        yield from root.glob(f"*/{run_id}/artifacts/{name}")  # as a server on this machine does


def trained_by(record: JobRecord) -> str | None:
    """Return the id of the run that trained what this one found, as its journal has it."""
    return record.tags.get("reused_from", record.run_id)


def source_run(store: "Store", record: JobRecord) -> str:
    """Return the id of the run that trained what this one found, as the server has it.

    Raises InputError for a run that was not sent.
    """
    if record.run_id is None:
        said = "the tracking server does not have it yet; `python -m src.sync` sends it"
        raise InputError(f"run={record.job_id}: {said}")
    tags = store.client.get_run(record.run_id).data.tags
    return str(tags.get("reused_from", record.run_id))
