"""Sources of jobs for a launcher: all at once, or each when the results it depends on are in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from src.config.schema import NON_RESULT_KEYS, experiment_overrides


@dataclass(frozen=True)
class Job:
    """A job to launch."""

    number: int  # its place in the sweep, whenever it is launched
    name: str
    overrides: tuple[str, ...]


class JobSource(Protocol):
    """Jobs that may depend on the results of others."""

    before: int  # jobs of the same sweep that came earlier, from another source

    @property
    def total(self) -> int:
        """The number of jobs, those before included, as far as it is known."""

    def next(self, ended: Mapping[int, float]) -> Sequence[Job]:
        """Return the jobs that can begin, given the errors of those that have ended, by number.

        The error of a job that failed or diverged is not finite. Nothing is left to do when this
        returns nothing and no job runs.
        """


class Batch:
    """Jobs that are all known from the start; their names leave out what they share.

    Of one of several batches `total` is the number of jobs of all, where the sweeper says it, and
    `typed` are the overrides of the command: what jobs of this batch share, others may not.
    """

    def __init__(
        self,
        overrides: Sequence[Sequence[str]],
        first: int,
        total: int | None = None,
        typed: Sequence[str] | None = None,
    ) -> None:
        alike = set.intersection(*map(set, overrides)) if len(overrides) > 1 else set()
        shared = alike if typed is None else set(typed)
        own = [[o for o in job if o not in shared] for job in overrides]
        names = [" ".join(experiment_overrides(lines, NON_RESULT_KEYS)) for lines in own]
        self.jobs = [
            Job(number, name, tuple(lines))
            for number, (name, lines) in enumerate(zip(names, overrides, strict=True), first)
        ]
        self.before, self.total = first, max(first + len(self.jobs), total or 0)

    def next(self, ended: Mapping[int, float]) -> Sequence[Job]:
        """Return all jobs, the first time."""
        jobs, self.jobs = self.jobs, []
        return jobs
