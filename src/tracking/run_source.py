"""The source of the runs that a command asks for: a tracking server, else this machine."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from src.errors import AccessDeniedError, InputError
from src.folders import ROOT
from src.messages import commands
from src.tracking import mlflow_source
from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import journals
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.store import Store
from src.tracking.sweep_journals import SweepJournals
from src.tracking.sweep_runs import SweepRuns, has_weights

log = logging.getLogger(__name__)


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
            found = self.store.client.search_runs(
                [self.store.experiment_id], "tags.kind = 'sweep'", max_results=1
            )
            if not found:
                said = f"no sweep at {self.store.shown_uri}; `{commands.train('-m')} …` makes one"
                raise InputError(said)
            sweep = found[0]
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
        """Return which validation examples the run's kept model gets right, (examples,) bool.

        None where its predictions were not kept, or are damaged.
        """
        client = self.store.client
        source = client.get_run(run_id).data.tags.get("reused_from", run_id)
        with TemporaryDirectory() as folder:
            try:
                path = client.download_artifacts(source, "val_predictions.npz", folder)
                with Path(path).open("rb") as file, np.load(file) as kept:
                    return kept["predicted"] == kept["labels"]
            except Exception:  # artifact stores have their own errors, and so do damaged files
                log.debug("%s: no predictions", source, exc_info=True)
                return None


@dataclass(frozen=True)
class Offline:
    """The journals of an experiment, in place of a connection to its server."""

    tracking: TrackingSettings

    @cached_property
    def records(self) -> list[JobRecord]:
        """The records of sweeps and jobs, below outputs or not, the last begun last."""
        found, index = {}, ResultIndex.by_default(self.tracking)
        for journal in (*journals(ROOT / "outputs"), *index.journals()):
            with suppress(OSError):  # another user's
                if record := fold(journal):
                    found[journal.folder] = record
        own = [r for r in found.values() if r.destination.is_same_experiment(self.tracking)]
        return sorted(own, key=lambda record: record.start_time)

    def has_sweep(self, run_id: str) -> bool:
        """Return whether a run is a sweep, as `last` is. Raises InputError for an unknown id."""
        return run_id == "last" or _named("", run_id, self.records).is_sweep

    def sweep(self, run_id: str) -> SweepRuns:
        """Return a sweep, `last` for the last. Raises InputError where there is no journal."""
        sweeps = [record for record in self.records if record.is_sweep]
        is_last = run_id == "last" and sweeps
        record = sweeps[-1] if is_last else _named("sweep=", run_id, sweeps)
        own = SweepJournals(record.journal)
        jobs = [*own.records(), *own.searches()]
        return SweepRuns(record.run_id or record.job_id, record.tags, record.params, jobs)

    def run(self, run_id: str) -> JobRecord:
        """Return a job's record. Raises InputError where there is no journal."""
        return _named("run=", run_id, [r for r in self.records if not r.is_sweep])

    def siblings(self, record: JobRecord) -> list[JobRecord]:
        """Return the runs of the same variant in the same sweep, itself included."""
        variant, sweep = record.tags.get("variant"), record.sweep_id
        own = [r for r in self.records if r.sweep_id == sweep and r.tags.get("variant") == variant]
        return [r for r in own if has_weights(r)] if sweep else [record]

    def keeper(self, record: JobRecord) -> tuple[None, JobRecord]:
        """Return no store and the run whose files lie here; of one reused it is its source.

        Raises InputError where there is no journal of the source.
        """
        source = record.tags.get("reused_from")
        return None, replace(self.run(source), name=record.name) if source else record

    def correct(self, run_id: str) -> None:
        """Return None: without the journal's word nothing is known of validation examples."""


def _named(key: str, run_id: str, records: Sequence[JobRecord]) -> JobRecord:
    """Return the record of this id; `key` is what was typed before it."""
    found = [record for record in records if run_id in (record.run_id, record.job_id)]
    if not found:
        said = "no journal of it lies on this machine"
        raise InputError(f"{key}{run_id or repr(run_id)}: {said}")
    return found[-1]


RunSource = Server | Offline


def reach(tracking: TrackingSettings) -> RunSource:
    """Return the tracking server, or while it is away what lies on this machine, with a note.

    Raises InputError where there is neither.
    """
    try:
        return Server(tracking.open())
    except AccessDeniedError:
        raise
    except InputError as error:
        local = Offline(tracking)
        if not local.records:
            raise
        print(f"note: {error}; the journals on this machine are used", file=sys.stderr)
        return local


def find_run(source: RunSource, run_id: str) -> JobRecord:
    """Return the record of a job. Raises InputError for another run or one without weights."""
    record = source.run(run_id)
    if not has_weights(record):
        why = record.reason or record.outcome or record.status
        raise InputError(f"run={run_id}: has no weights: {why}")
    return record


def find_sweep(source: RunSource, wanted: str | None) -> SweepRuns:
    """Return a sweep, without an id the last. Raises InputError where no run of it finished."""
    run_id = wanted or "last"
    found = source.sweep(run_id)
    if not found.usable:
        raise InputError(f"sweep={run_id}: none of its {len(found.records)} runs has weights")
    return found
