"""Looks at a growing sweep: seeds are added by the declared looks, to what is not decided yet."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from src.tracking.job_record import Role
from src.tracking.lineage import sweeps_of
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals


def seeds_by_look(looks: Sequence[int], seeds: Sequence[int]) -> list[list[int]]:
    """Return the seeds that each look adds; `seeds` are the first one's."""
    ends = [len(seeds), *(look for look in looks if look > len(seeds))]
    return [list(seeds), *(list(range(*each)) for each in pairwise(ends))]


def undecided_arms(
    journals: SweepJournals, index: ResultIndex, compare: Mapping[str, Any]
) -> Collection[str]:
    """Look at the reported jobs; return the labels of the arms in pairs that are not decided."""
    from src.compare.pairs import Verdict
    from src.compare.recorded_jobs import compare_records
    from src.compare.recorded_looks import record_look

    records = [record for record in journals.records() if record.role is Role.REPORTED]
    comparison = compare_records(records, compare, lineage=sweeps_of(records, index))
    record_look(comparison, records, journals.sweep)
    undecided = [pair for pair in comparison.pairs if pair.verdict is Verdict.UNDECIDED]
    return {run.arm for pair in undecided for side in (pair.a, pair.b) for run in side.runs}
