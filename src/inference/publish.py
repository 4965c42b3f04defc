"""MLflow models of finished runs, made by the uploader process so that no job waits for them."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from src.config.resolved import Resolved
from src.errors import InputError
from src.inference.exporter import FILES, Trained, export
from src.messages.error_text import root_cause, told_as
from src.tracking import run_files, sweep_runs
from src.tracking.job_record import JobRecord
from src.tracking.program import Program

if TYPE_CHECKING:
    from src.tracking.store import Store

MAX_MODELS = 20  # variants of which `best` makes a model, those of the lowest error

log = logging.getLogger(__name__)


class Models(StrEnum):
    """The config's `models`: the runs whose weights become models of MLflow."""

    BEST = "best"  # of each variant
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class Publication:
    """The models that a command wants of its runs."""

    which: Models
    allowed: frozenset[str]  # the targets that the command's own jobs instantiate
    most: int = MAX_MODELS

    @classmethod
    def of(cls, configs: Iterable[Resolved]) -> Self:
        """Return what the configs of a command's jobs want."""
        jobs = list(configs)
        targets = frozenset(target for job in jobs for target in job.targets)
        return cls(Models(jobs[0].nested["models"]), targets)

    def fetch(self, store: "Store", records: Sequence[JobRecord], folder: Path) -> list[Trained]:
        """Return the runs whose models are still to be made, and their files, fetched here."""
        from src.tracking import logged_model

        found = []
        for record in chosen_runs(records, self.which, self.most):
            try:
                if not logged_model.find(store, run_files.source_run(store, record)):
                    found.append(Trained(record, _files(store, record, folder / record.job_id)))
            except Exception:  # as below, where it is told
                log.info("%s: not fetched", record.name, exc_info=True)
        return found

    def publish(
        self, store: "Store", records: Sequence[JobRecord], programs: Mapping[str, Program]
    ) -> str:
        """Make models of a sweep's runs, or of a single one; return a line about the best, or "".

        `programs` are those that are exported already, by job id. Of a run that cannot be made a
        model the line says why; nothing of the run is lost.
        """
        made: dict[str, str] = {}
        failures: list[str] = []
        for record in chosen_runs(records, self.which, self.most):
            program = programs.get(record.job_id)
            try:
                model_id = publish_run(store, record, self.allowed, program)
                made[f"models:/{model_id}"] = record.name
            except Exception as error:  # the model's, torch's, the server's, an artifact store's
                log.info("%s: no model", record.name, exc_info=True)
                failures.append(f"warning: no MLflow model of {record.name}: {root_cause(error)}")
        best = next((f"Model: {uri} ({name})" for uri, name in made.items()), "")
        return "\n".join(filter(None, [best, *failures[:1]]))


def chosen_runs(
    records: Sequence[JobRecord], which: Models, most: int = MAX_MODELS
) -> list[JobRecord]:
    """Return the runs of which models are made, the best first."""
    if which == Models.NONE:
        return []
    is_best = which == Models.BEST
    found = sweep_runs.best_of_variants(records) if is_best else sweep_runs.usable(records)
    known = [record for record in sweep_runs.ranked(found) if record.run_id]
    return known[:most] if is_best else known


def _files(store: "Store", record: JobRecord, folder: Path) -> dict[str, Path]:
    """Return the files of a run, those that are kept, by name."""
    folder.mkdir()
    found = {}
    for name in FILES:
        with suppress(InputError):
            found[name] = run_files.fetch(lambda: store, record, name, folder)
    return found


def publish_run(
    store: "Store",
    record: JobRecord,
    allowed: Collection[str] = (),
    program: Program | None = None,
) -> str:
    """Return the id of a run's model, made if there is none; a reused run has its source's.

    Without its `program` it is exported here. Raises InputError where it cannot be made, and what
    torch.export and the server raise.
    """
    from src.tracking import logged_model

    source = run_files.source_run(store, record)
    made = logged_model.find(store, source)
    if not made:
        with TemporaryDirectory() as folder, told_as("torch.export or the server"):
            fetch = partial(run_files.fetch, lambda: store)
            program = program or export(fetch, record, Path(folder), allowed)
            made = logged_model.log(store, record, source, program)
    logged_model.show_with(store, record, made)
    return made
