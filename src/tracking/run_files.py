"""The files of a run: beside its journal while they wait to be sent, else its MLflow artifacts."""

from pathlib import Path
from typing import TYPE_CHECKING

from src.errors import InputError
from src.messages.addresses import local_path
from src.messages.error_text import told_as
from src.tracking.job_record import JobRecord
from src.tracking.journal import FILES

if TYPE_CHECKING:
    from src.tracking.store import Store


def fetch(store: "Store | None", record: JobRecord, name: str, folder: Path) -> Path:
    """Return the file `name` of a run, downloaded into `folder` where it lies elsewhere.

    Of a run that was reused it is its source's. Raises InputError where it is not kept; without a
    store, where it does not lie on this machine.
    """
    places = _places(record, name)
    for path in places if store is None else places[:1]:
        if path.is_file():
            return path
    if store is None:
        raise InputError(f"run={record.run_id or record.job_id}: its {name} lies at its server")
    with told_as(f"run={record.run_id}: its {name} cannot be had"):
        return Path(store.client.download_artifacts(source_run(store, record), name, str(folder)))


def _places(record: JobRecord, name: str) -> list[Path]:
    """Return where a file may lie: beside the journal, or as an embedded database keeps it."""
    own, root = record.journal.folder / FILES / name, local_path(record.destination.artifacts)
    if root is None or record.run_id is None:
        return [own]
    kept = f"{record.run_id}/artifacts/{name}"
    return [own, root / kept, *root.glob(f"*/{kept}")]  # the last as a server on this machine does


def source_run(store: "Store", record: JobRecord) -> str:
    """Return the id of the run that trained what this one found; its own unless it was reused."""
    assert record.run_id is not None, "neither files beside the journal nor a run"
    tags = store.client.get_run(record.run_id).data.tags
    return str(tags.get("reused_from", record.run_id))
