"""The export of trained models, and a process for it, forked from one that has imported torch."""

import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from src.errors import PEER_CLOSED
from src.process import fork_server
from src.tracking import program
from src.tracking.job_record import JobRecord
from src.tracking.program import Program
from src.tracking.run_files import Fetch

FILES = ("config.yaml", "model.pt", "inputs.npz")  # of a run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A run and its files."""

    record: JobRecord
    files: Mapping[str, Path]

    def fetch(self, record: JobRecord, name: str, folder: Path) -> Path:
        """Return a file of the run. Raises KeyError where there is none."""
        return self.files[name]


def export(fetch: Fetch, record: JobRecord, folder: Path, allowed: Collection[str]) -> Program:
    """Export the model of a run into `folder`.

    Raises InputError where it cannot be had, and what torch.export raises of it.
    """
    import torch

    from src.inference import restore

    model = restore.from_weights(fetch, record, allowed)
    example = restore.examples(fetch, record, folder)[:2]
    (module,) = model.members
    place = folder / "program"
    place.mkdir(parents=True)
    with warnings.catch_warnings():  # of torch's own exporter
        warnings.simplefilter("ignore")
        traced = program.trace(module, torch.from_numpy(example))
        torch.export.save(traced, place / program.FILE)
    metadata = {key: getattr(model, key) for key in restore.METADATA_KEYS}
    metadata["classes"] = list(model.classes)
    config = fetch(record, "config.yaml", folder)
    return Program(place, config, example, metadata, str(torch.__version__))


class Exporter:
    """A process that exports models; it imports what it needs from now on."""

    def __init__(self, allowed: Collection[str]) -> None:
        self.conn, theirs = Pipe()
        self.process = fork_server.fork(_serve, theirs, allowed)
        theirs.close()

    def export(self, runs: Sequence[Trained], folder: Path) -> dict[str, Program]:
        """Return the programs of runs by job id, without those that cannot be made."""
        try:
            self.conn.send((runs, folder))
            return dict(self.conn.recv())
        except PEER_CLOSED:
            log.info("the process that exports models has died", exc_info=True)
            return {}


def _serve(conn: Connection, allowed: Collection[str]) -> None:
    program.prepare()
    try:
        runs, folder = conn.recv()
        conn.send(_exported(runs, folder, allowed))
    except PEER_CLOSED:  # the sweep has no models to make, or was interrupted
        return


def _exported(
    runs: Sequence[Trained], folder: Path, allowed: Collection[str]
) -> dict[str, Program]:
    found = {}
    for run in runs:
        name = run.record.job_id
        try:
            found[name] = export(run.fetch, run.record, folder / name, allowed)
        except Exception:  # a user's model's, torch's; its publication meets it again, and tells
            log.info("%s: not exported", run.record.name, exc_info=True)
    return found
