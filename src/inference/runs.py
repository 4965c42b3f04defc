"""The runs whose models are wanted: a run, the best of a sweep, or all of a variant."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from src.errors import InputError
from src.tracking.job_record import JobRecord, Role, Status

if TYPE_CHECKING:
    from src.inference.offline import Offline
    from src.tracking.store import Store


@dataclass(frozen=True)
class SweepRuns:
    """A sweep and the records of its jobs."""

    sweep_id: str  # of its run at the tracking server
    tags: Mapping[str, str]
    params: Mapping[str, str]
    records: list[JobRecord]

    @property
    def jobs(self) -> list[JobRecord]:
        """Return what was trained, without the parents of an arm's trials."""
        return [record for record in self.records if not record.is_search]

    @property
    def usable(self) -> list[JobRecord]:
        """Return the runs that have weights, without those that only tuned others."""
        return usable(self.records)

    @property
    def best_of_variants(self) -> list[JobRecord]:
        """Return the best run of each variant, the lowest error first."""
        return best_of_variants(self.records)

    @property
    def best_variant(self) -> list[JobRecord]:
        """Return the runs of the variant with the lowest mean error."""
        return min(by_variant(self.records), key=lambda group: fmean(map(_error, group)))


def find_run(store: "Store | Offline", run_id: str) -> JobRecord:
    """Return the record of a job. Raises InputError for another run or one without weights."""
    from src.inference.offline import Offline

    record = store.run(run_id) if isinstance(store, Offline) else _sent_run(store, run_id)
    if not has_weights(record):
        why = record.reason or record.outcome or record.status
        raise InputError(f"run={run_id}: has no weights: {why}")
    return record


def _sent_run(store: "Store", run_id: str) -> JobRecord:
    from src.tracking import mlflow_source

    run = mlflow_source.get(store, run_id, "run=")
    if run.data.tags.get("kind") == "sweep":
        raise InputError(f"run={run_id}: a sweep; sweep={run_id} takes the best of its runs")
    (record,) = mlflow_source.records(store, [run])
    return record


def find_sweep(store: "Store | Offline", run_id: str) -> SweepRuns:
    """Return a sweep, `last` for the last. Raises InputError for one in which no run finished."""
    from src.inference.offline import Offline

    found = store.sweep(run_id) if isinstance(store, Offline) else _sent_sweep(store, run_id)
    if not found.usable:
        raise InputError(f"sweep={run_id}: none of its {len(found.records)} runs has weights")
    return found


def _sent_sweep(store: "Store", run_id: str) -> SweepRuns:
    from src.tracking import mlflow_source

    if run_id == "last":
        sweep = mlflow_source.last_sweep(store)
    else:
        sweep = mlflow_source.get(store, run_id, "sweep=")
    if sweep.data.tags.get("kind") != "sweep":
        raise InputError(f"sweep={run_id}: no sweep but a single run, which run={run_id} takes")
    records = mlflow_source.records(store, mlflow_source.jobs_of(store, sweep.info.run_id))
    return SweepRuns(sweep.info.run_id, sweep.data.tags, sweep.data.params, records)


def keeper(source: "Store | Offline", record: JobRecord) -> "tuple[Store | None, JobRecord]":
    """Return the server that has a run's files, or None and the run beside which they lie."""
    from src.inference.offline import Offline

    return (None, source.with_files(record)) if isinstance(source, Offline) else (source, record)


def siblings(store: "Store | Offline", record: JobRecord) -> list[JobRecord]:
    """Return the runs of the same variant in the same sweep, itself included."""
    from src.inference.offline import Offline
    from src.tracking import mlflow_source

    if isinstance(store, Offline):
        return store.siblings(record)
    if record.run_id is None or not record.sweep_id:
        return [record]
    parent = store.client.get_run(record.run_id).data.tags.get("mlflow.parentRunId", "")
    records = mlflow_source.records(store, mlflow_source.jobs_of(store, parent))
    variant = record.tags.get("variant")
    return [r for r in records if r.tags.get("variant") == variant and has_weights(r)]


def has_weights(record: JobRecord) -> bool:
    """Return whether a run finished and has a best epoch, whose weights are kept."""
    return record.status == Status.FINISHED and math.isfinite(record.best_val_error)


def usable(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the runs of a sweep that have weights, without those that only tuned others."""
    return [record for record in records if has_weights(record) and record.role is Role.REPORTED]


def by_variant(records: Sequence[JobRecord]) -> list[list[JobRecord]]:
    """Group the runs that have weights by their variant, in their order."""
    groups: dict[str, list[JobRecord]] = {}
    for record in usable(records):
        groups.setdefault(record.tags.get("variant", ""), []).append(record)
    return list(groups.values())


def best(records: Sequence[JobRecord]) -> JobRecord:
    """Return the run of the lowest best validation error, the first of equals."""
    return min(records, key=_error)


def ranked(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return runs in the order of their best validation errors, the lowest first."""
    return sorted(records, key=_error)


def best_of_variants(records: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the best run of each variant, the lowest error first."""
    return ranked([best(group) for group in by_variant(records)])


def label(record: JobRecord) -> str:
    """Return a run's name without its seed, which names its variant."""
    return " ".join(part for part in record.name.split() if not part.startswith("seed="))


def _error(record: JobRecord) -> float:
    return record.best_val_error
