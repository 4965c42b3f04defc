"""Sweeps and their runs by what lies on this machine, while their tracking server is away."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from src import ROOT
from src.errors import InputError
from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import journals
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_journals import SweepJournals
from src.tracking.sweep_runs import SweepRuns, has_weights


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
        found = [r.is_sweep for r in self.records if run_id in ("last", r.run_id, r.job_id)]
        if not found:
            said = "no journal of it lies on this machine"
            raise InputError(f"{run_id or repr(run_id)}: {said}")
        return run_id == "last" or found[-1]

    def sweep(self, run_id: str) -> SweepRuns:
        """Return a sweep, `last` for the last. Raises InputError where there is no journal."""
        known = [r for r in self.records if r.is_sweep and run_id in ("last", r.run_id, r.job_id)]
        if not known:
            raise InputError(f"sweep={run_id}: no journal of it lies on this machine")
        record = known[-1]
        journals = SweepJournals(record.journal)
        jobs = [*journals.records(), *journals.searches()]
        return SweepRuns(record.run_id or record.job_id, record.tags, record.params, jobs)

    def run(self, run_id: str) -> JobRecord:
        """Return a job's record. Raises InputError where there is no journal."""
        for record in self.records:
            if not record.is_sweep and run_id in (record.run_id, record.job_id):
                return record
        raise InputError(f"run={run_id}: no journal of it lies on this machine")

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
        """Tell nothing of a run's validation examples, whose journal does not say it."""
