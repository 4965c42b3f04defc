"""Looks at a comparison: every one before the last raises the odds of a false verdict."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """One look at a comparison, as the journal of its sweep records it."""

    seeds: Mapping[str, tuple[int, ...]]  # label of a variant: the seeds it was judged by
    verdicts: Mapping[str, str]  # `A / B`, labels of a pair's variants: its verdict
    time: int = 0  # milliseconds since the epoch of Unix
