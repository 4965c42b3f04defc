"""The jobs of a sweep as an archive keeps them: configs, data, code and every figure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import stdev
from typing import Any, Self

from pandas import DataFrame

from src.config.variant import factors
from src.errors import InputError
from src.metrics import EPOCH_SECONDS
from src.status import Outcome, Status
from src.tracking.job_record import JobRecord

FILE = "results.json"


@dataclass(frozen=True)
class JobResult:
    """The result of a job as an archive tells it: without host, user and paths."""

    name: str
    status: Status
    outcome: Outcome
    config: Mapping[str, str]  # flat, without paths
    seed: str
    dataset: Mapping[str, Any]  # its name, digest and sizes
    code: Mapping[str, str]  # file -> digest, distribution -> version
    summary: Mapping[str, float]
    epochs: Mapping[str, Mapping[str, float]]  # by number, without times

    @classmethod
    def of(cls, record: JobRecord) -> Self:
        """Return what is told of a record."""
        curves = {
            str(step): {k: v for k, v in values.items() if k != EPOCH_SECONDS}
            for step, values in sorted(record.by_step.items())
        }
        own = record.status, record.outcome, factors(record.params)
        seed, code = record.params.get("seed", ""), record.identity.code if record.identity else {}
        return cls(
            record.name, *own, seed, record.dataset, dict(code), dict(record.summary), curves
        )

    @property
    def key(self) -> tuple[frozenset[tuple[str, str]], str]:
        """The variant and the seed."""
        return frozenset(self.config.items()), self.seed


def dump(results: Sequence[JobResult]) -> str:
    """Return the content of the archive's file; `load` gives back the same numbers to the bit."""
    return json.dumps([asdict(result) for result in results], indent=1)


def load(content: bytes) -> list[JobResult]:
    """Return the jobs in an archive's file. Raises InputError for another file."""
    try:
        return [JobResult(**job) for job in json.loads(content)]
    except (ValueError, TypeError) as error:
        said = str(error).removeprefix(f"{JobResult.__name__}.__init__() ")
        raise InputError(f"{FILE}: must be as this version writes it: {said}") from error


class Repeat(StrEnum):
    """A figure of a job run again, against what it was."""

    EQUAL = "bitwise equal"
    WITHIN_NOISE = "within noise"
    DIFFERS = "differs"


def agreements(before: Sequence[JobResult], after: Sequence[JobResult]) -> DataFrame:
    """Compare each job with the one of its variant and seed: a row for each of its figures.

    Noise is twice the standard deviation of a figure over the seeds of its variant, as the archive
    has them; of a variant with one seed, twice the binomial one of the difference of two errors on
    as many validation examples as there are.
    """
    again = {job.key: job for job in after}
    rows = [
        (job.name, figure, value, now, _repeat(value, now, _noise(job, figure, before)))
        for job in before
        if job.key in again
        for figure, value in job.summary.items()
        for now in [again[job.key].summary.get(figure, math.nan)]
    ]
    return DataFrame(rows, columns=["job", "figure", "before", "after", "repeat"])


def _repeat(before: float, after: float, noise: float) -> Repeat:
    """Return the verdict on a figure; `noise` is the largest difference that is none, or NaN."""
    if before == after or (math.isnan(before) and math.isnan(after)):
        return Repeat.EQUAL
    return Repeat.WITHIN_NOISE if abs(before - after) <= noise else Repeat.DIFFERS


def _noise(job: JobResult, figure: str, jobs: Sequence[JobResult]) -> float:
    found = [
        other.summary[figure]
        for other in jobs
        if other.config == job.config and math.isfinite(other.summary.get(figure, math.nan))
    ]
    if len(found) > 1:
        return 2 * stdev(found)
    size, error = job.dataset.get("val", 0), job.summary[figure]
    return 2 * math.sqrt(2 * error * (1 - error) / size) if size and 0 <= error <= 1 else math.nan


def equal_curves(before: Sequence[JobResult], after: Sequence[JobResult]) -> tuple[int, int]:
    """Return of how many jobs every figure of every epoch is bitwise equal, and of how many."""
    again = {job.key: job for job in after}
    pairs = [(job, again[job.key]) for job in before if job.key in again]
    curves = [[json.dumps(job.epochs, sort_keys=True) for job in pair] for pair in pairs]
    return sum(a == b for a, b in curves), len(pairs)
