"""Looks at a growing sweep: seeds are added by the declared looks, to what is not decided yet."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from src.tracking.job_record import Role
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals

if TYPE_CHECKING:
    from src.compare import Comparison
    from src.compare.pairs import Pair


def seeds_by_look(looks: Sequence[int], seeds: Sequence[int]) -> list[list[int]]:
    """Return the seeds that each look adds; `seeds` are the first one's."""
    ends = [len(seeds), *(look for look in looks if look > len(seeds))]
    return [list(seeds), *(list(range(*each)) for each in pairwise(ends))]


def undecided_arms(
    journals: SweepJournals, index: ResultIndex, compare: Mapping[str, Any]
) -> Collection[str]:
    """Look at the reported jobs; return the labels of the arms in pairs that are not decided."""
    from src.answers.record import record_look
    from src.answers.recorded_jobs import compare_records

    records = [record for record in journals.records() if record.role is Role.REPORTED]
    comparison = compare_records(records, compare, lineage=index.lineage(records))
    record_look(comparison, records, journals.sweep)
    sides = [side for pair in open_pairs(comparison) for side in (pair.a, pair.b)]
    return {run.arm for side in sides for run in side.runs}


def open_pairs(comparison: "Comparison") -> "list[Pair]":
    """Return the pairs that more seeds are to decide.

    Of a design of two factors, such as activation and depth, these are the lines of its figure
    at each point of the axis (ReLU against sigmoid at each depth): neighbours on the axis may be
    as good as equal, and would ask for seeds without end. Of all others they are those listed.
    """
    pairs, design = comparison.listed_pairs, comparison.factorial
    if design:
        pairs = [pair for pair in pairs if pair.a.levels[design.x] == pair.b.levels[design.x]]
    return [pair for pair in pairs if not pair.verdict.is_decided]
