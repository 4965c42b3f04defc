"""Sweeps and their runs as a tracking server has them."""

from dataclasses import dataclass

import numpy as np

from src.errors import InputError
from src.tracking import mlflow_source
from src.tracking.job_record import JobRecord
from src.tracking.store import Store
from src.tracking.sweep_runs import SweepRuns, has_weights


@dataclass(frozen=True)
class Server:
    """The runs of an experiment at its server; see `Offline` for the same without one."""

    store: Store

    def has_sweep(self, run_id: str) -> bool:
        """Return whether a run is a sweep, as `last` is. Raises InputError for an unknown id."""
        if run_id == "last":
            return True
        return mlflow_source.get(self.store, run_id).data.tags.get("kind") == "sweep"

    def sweep(self, run_id: str) -> SweepRuns:
        """Return a sweep, `last` for the last. Raises InputError for another run."""
        if run_id == "last":
            sweep = mlflow_source.last_sweep(self.store)
        else:
            sweep = mlflow_source.get(self.store, run_id, "sweep=")
        if sweep.data.tags.get("kind") != "sweep":
            raise InputError(f"sweep={run_id}: no sweep but a single run, which run={run_id} takes")
        jobs = mlflow_source.jobs_of(self.store, sweep.info.run_id)
        records = mlflow_source.records(self.store, jobs)
        return SweepRuns(sweep.info.run_id, sweep.data.tags, sweep.data.params, records)

    def run(self, run_id: str) -> JobRecord:
        """Return a job's record. Raises InputError for another run."""
        run = mlflow_source.get(self.store, run_id, "run=")
        if run.data.tags.get("kind") == "sweep":
            raise InputError(f"run={run_id}: a sweep; sweep={run_id} takes the best of its runs")
        (record,) = mlflow_source.records(self.store, [run])
        return record

    def siblings(self, record: JobRecord) -> list[JobRecord]:
        """Return the runs of the same variant in the same sweep, itself included."""
        if record.run_id is None or not record.sweep_id:
            return [record]
        parent = self.store.client.get_run(record.run_id).data.tags.get("mlflow.parentRunId", "")
        records = mlflow_source.records(self.store, mlflow_source.jobs_of(self.store, parent))
        variant = record.tags.get("variant")
        return [r for r in records if r.tags.get("variant") == variant and has_weights(r)]

    def keeper(self, record: JobRecord) -> tuple[Store | None, JobRecord]:
        """Return the store that has a run's files, and the run under which it has them."""
        return self.store, record

    def correct(self, run_id: str) -> np.ndarray | None:
        """Return which validation examples a run's model gets right, (examples,) bool."""
        return mlflow_source.correct(self.store, run_id)
