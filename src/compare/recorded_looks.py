"""Looks at a comparison: written into the journal of its sweep, and found in its lineage."""

from collections.abc import Sequence
from operator import itemgetter

from src.compare import Comparison
from src.compare.looks import Look
from src.compare.variants import find_variants
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord, Role
from src.tracking.journal import Journal


def record_look(comparison: Comparison, records: Sequence[JobRecord], journal: Journal) -> None:
    """Write into the sweep's journal at which jobs it was looked, and with which verdicts."""
    fingerprints = {record.run.run_id: record.fingerprint for record in records}
    variants = {
        variant.label: {run.seed: fingerprints[run.run_id] for run in variant.runs}
        for variant in comparison.variants
    }
    verdicts = {f"{p.a.label} / {p.b.label}": str(p.verdict) for p in comparison.pairs}
    journal.append(EventKind.LOOK, variants=variants, verdicts=verdicts)


def earlier_looks(records: Sequence[JobRecord], lineage: Sequence[JobRecord]) -> list[Look]:
    """Return the looks of a lineage at two or more variants of these jobs, the first one first.

    A look at the very seeds that are compared now is none of them: it saw the same.
    """
    jobs = [record for record in records if record.role is Role.REPORTED and record.fingerprint]
    fingerprints = {record.run.run_id: record.fingerprint for record in jobs}
    labels: dict[str, str] = {}  # by fingerprint
    seeds = {}
    for variant in find_variants([record.run for record in jobs]):
        labels |= {fingerprints[run.run_id]: variant.label for run in variant.runs}
        seeds[variant.label] = tuple(run.seed for run in variant.runs)
    found = []
    for event in sorted((e for sweep in lineage for e in sweep.looks), key=itemgetter("time")):
        seen = {
            labels[known[0]]: tuple(sorted(map(int, jobs_by_seed)))
            for jobs_by_seed in event["variants"].values()
            if (known := [each for each in jobs_by_seed.values() if each in labels])
        }
        if len(seen) > 1 and any(seen[label] != seeds[label] for label in seen):
            found.append(Look(seen, event["verdicts"], event["time"]))
    return found
