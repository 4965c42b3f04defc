"""The source of the runs that a command asks for: journals on this machine, else the server."""

import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from src.errors import InputError
from src.folders import ROOT
from src.tracking import run_files
from src.tracking.connection import Connection
from src.tracking.job_record import NOWHERE, JobRecord, fold, fold_readable
from src.tracking.journal import Journal, journals
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_runs import SweepRuns, has_weights, runs_of, siblings

LAST = "last"
WITHOUT = "The journals on this machine are used."

log = logging.getLogger(__name__)


class RunSource:
    """The runs of an experiment, by MLflow's id or the job's own.

    The server is asked for those alone that have no journal here, and for files that lie nowhere
    else.
    """

    def __init__(self, tracking: TrackingSettings) -> None:
        self.tracking = tracking
        self.connect = Connection(tracking.open, lambda: WITHOUT if self.starts else "")

    @cached_property
    def starts(self) -> list[JobRecord]:
        """The starts of the journals on this machine, in the order in which they began."""
        known = ResultIndex.by_default(self.tracking).journals()
        folders = {j.folder.absolute() for j in (*journals(ROOT / "outputs"), *known)}
        found = filter(None, (fold_readable(Journal(each), is_start=True) for each in folders))
        own = [start for start in found if start.destination.is_same_experiment(self.tracking)]
        return sorted(own, key=lambda start: (start.start_time, start.journal.folder))

    def _here(self, run_id: str) -> JobRecord | None:
        """Return the record of a run or a sweep whose journal lies here."""
        if run_id == LAST:
            found = [start for start in self.starts if start.is_sweep]
        else:
            found = [start for start in self.starts if run_id in (start.run_id, start.job_id)]
        return fold(found[-1].journal) if found else None

    def find(self, run_id: str, key: str = "") -> SweepRuns:
        """Return a sweep, `last` for the last, or a run alone; `key` is what was typed before it.

        Raises InputError for an unknown id.
        """
        if record := self._here(run_id):
            return self._with_missing(runs_of(record))
        if self.starts and not self.connect.reach():
            said = "no journal of it lies on this machine"
            raise InputError(f"{key}{run_id or repr(run_id)}: {said}")
        from src.tracking import mlflow_source

        return mlflow_source.find(self.connect(), None if run_id == LAST else run_id, key)

    def _with_missing(self, found: SweepRuns) -> SweepRuns:
        """Return a sweep with those of its jobs that left no journal here, where they are known."""
        is_whole = len(found.jobs) >= int(found.tags.get("jobs", 0))
        if is_whole or found.own is None or found.own.run_id is None:
            return found
        try:
            from src.tracking import mlflow_source

            others = mlflow_source.jobs(self.connect(), found.own.run_id)
            known = {record.job_id: record for record in (*others, *found.records)}
            return replace(found, records=sorted(known.values(), key=lambda job: job.number))
        except InputError:  # the server is away, or the sweep was deleted there
            log.debug("%s: no further jobs", found.sweep_id, exc_info=True)
            return found

    def sweep(self, run_id: str | None) -> SweepRuns:
        """Return a sweep, without an id the last. Raises InputError where no run has weights."""
        found = self.find(run_id or LAST, "sweep=")
        if not found.sweep_id:
            said = f"no sweep but a single run, which run={run_id} takes"
            raise InputError(f"sweep={run_id}: {said}")
        if not found.usable:
            said = f"none of its {len(found.records)} runs has weights"
            raise InputError(f"sweep={run_id or LAST}: {said}")
        return found

    def run(self, run_id: str) -> JobRecord:
        """Return the record of a job. Raises InputError for another run or one without weights."""
        found = self.find(run_id, "run=")
        if found.sweep_id:
            raise InputError(f"run={run_id}: a sweep; sweep={run_id} takes the best of its runs")
        (record,) = found.records
        if not has_weights(record):
            why = record.reason or record.outcome or record.status
            raise InputError(f"run={run_id}: has no weights: {why}")
        return record

    def siblings(self, record: JobRecord) -> list[JobRecord]:
        """Return the runs of the same variant in the same sweep, itself included."""
        sweep = record.sweep_id
        return siblings(record, self.find(sweep).records) if sweep else [record]

    def origin(self, record: JobRecord) -> JobRecord:
        """Return the run whose files are those of a reused one, under its name; others as is."""
        source = record.tags.get("reused_from")
        found = self._here(source) if source else None
        return replace(found, name=record.name) if found else record

    def fetch(self, record: JobRecord, name: str, folder: Path) -> Path:
        """Return a file of a run as `run_files.fetch` does, also of one that was reused."""
        return run_files.fetch(self.connect, self.origin(record), name, folder)

    def correct(self, run_id: str) -> np.ndarray | None:
        """Return which validation examples the run's kept model gets right, (examples,) bool.

        None where its predictions were not kept, or are damaged.
        """
        record = self._here(run_id) or JobRecord(Journal(NOWHERE), run_id)
        with TemporaryDirectory() as folder:
            try:
                path = self.fetch(record, "val_predictions.npz", Path(folder))
                with path.open("rb") as file, np.load(file) as kept:
                    return kept["predicted"] == kept["labels"]
            except Exception:  # artifact stores have their own errors, and so do damaged files
                log.debug("%s: no predictions", run_id, exc_info=True)
                return None
