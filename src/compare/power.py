"""Power: verdicts that cannot be reached with so few seeds."""

from collections.abc import Sequence

from src.compare.comparison import find_baseline
from src.compare.formatting import count, p_value
from src.compare.stats import seeds_needed
from src.compare.variants import find_variants
from src.metrics import Run


def power_note(runs: Sequence[Run], baseline: str | None) -> str:
    """Explain which pairs with the baseline planned runs cannot decide; "" if they can decide all.

    Only configs and seeds of the runs are read. Raises ComparisonError if the baseline is not one
    variant.
    """
    variants = find_variants(runs)
    reference = find_baseline(variants, baseline)
    seeds = {variant: {run.seed for run in variant.runs} for variant in variants}
    own = seeds.pop(reference)
    return seeds_note([len(own & other) for other in seeds.values()])


def seeds_note(shared: Sequence[int]) -> str:
    """Explain which pairs cannot be decided, by the seeds that each pair shares; "" if all can.

    Holm's method tests the pairs one after the other, so the pair with the most seeds goes first.
    """
    tests = sum(n > 0 for n in shared)
    for rank, n in enumerate(sorted(shared, reverse=True)):
        if note := _note(n, max(tests - rank, 1)):
            return note if rank == 0 else f"{len(shared) - rank} of {len(shared)} pairs: {note}"
    return ""


def _note(n: int, tests: int) -> str:
    needed = seeds_needed(tests)
    if n >= needed:
        return ""
    limit = "no p-value below 0.05 is possible"
    if n >= seeds_needed(1):
        limit = f"none of {tests} pairs can reach 0.05 after Holm's correction"
    if n > 1:
        limit += f" (the smallest p is 2/2^{n} = {p_value(2 / 2**n)})"
    return f"with {count(n, 'seed')} {limit}, {count(needed, 'seed')} would do"
