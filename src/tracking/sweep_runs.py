"""The runs of a sweep by what their models are worth: usable, best, all of a variant."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean

from src.config.variant import group_by_variant, unseeded
from src.tracking.job_record import JobRecord, Role, Status
from src.tracking.sweep_journals import SweepJournals

ERROR = attrgetter("best_val_error")


@dataclass(frozen=True)
class SweepRuns:
    """A sweep and the records of its jobs, or a run alone."""

    sweep_id: str  # of its run at the tracking server, else its own; "": a run alone
    tags: Mapping[str, str]
    params: Mapping[str, str]
    records: list[JobRecord]
    own: JobRecord | None = None  # the sweep's, where its journal lies on this machine

    @property
    def jobs(self) -> list[JobRecord]:
        """All that was trained, without the parents of an arm's trials."""
        return [record for record in self.records if not record.is_search]

    @property
    def usable(self) -> list[JobRecord]:
        """The runs that have weights, without those that only tuned others."""
        return usable(self.records)

    @property
    def best_variant(self) -> list[JobRecord]:
        """The runs of the variant with the lowest mean error."""
        return min(by_variant(self.records), key=lambda group: fmean(map(ERROR, group)))


def runs_of(record: JobRecord) -> SweepRuns:
    """Return the runs of the sweep, or the run, whose journal lies on this machine."""
    if not record.is_sweep:
        return SweepRuns("", record.tags, record.params, [record])
    journals, sweep_id = SweepJournals(record.journal), record.run_id or record.job_id
    jobs = [*journals.records(), *journals.searches()]
    return SweepRuns(sweep_id, record.tags, record.params, jobs, record)


def has_weights(record: JobRecord) -> bool:
    """Return whether a run finished and has a best epoch, whose weights are kept."""
    return record.status == Status.FINISHED and math.isfinite(record.best_val_error)


def usable(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the runs of a sweep that have weights, without those that only tuned others."""
    return [record for record in records if has_weights(record) and record.role is Role.REPORTED]


def by_variant(records: Sequence[JobRecord], role: Role = Role.REPORTED) -> list[list[JobRecord]]:
    """Group the runs of this role that have weights by their variant, in their order."""
    own = [record for record in records if record.role is role and not record.is_search]
    groups = group_by_variant([record.run for record in own])
    found = ([own[place] for place in places if has_weights(own[place])] for _, places in groups)
    return list(filter(None, found))


def siblings(record: JobRecord, records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the runs of the same variant among the `records` of its sweep, itself included."""
    own = (record.run_id, record.job_id)
    groups = by_variant(records, record.role)
    return next((g for g in groups if own in ((r.run_id, r.job_id) for r in g)), [record])


def ranked(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return runs in the order of their best validation errors, of equals as they come."""
    return sorted(records, key=ERROR)


def best_of_variants(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the best run of each variant, the lowest error first."""
    return ranked([ranked(group)[0] for group in by_variant(records)])


def label(record: JobRecord) -> str:
    """Return a run's name without its seed, which names its variant."""
    return " ".join(unseeded(record.name.split()))
