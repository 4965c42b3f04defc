"""The jobs of a tuned or a growing sweep, each as soon as the results that it depends on are in."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from src.config.hydra_internals import mapping_text
from src.job_source import Job
from src.sweep.arm import Arm
from src.sweep.tuning import ArmSearch, Settings, Task
from src.tracking.job_record import Role

WORST_ERROR = 1.0  # the validation error that a trial which diverged or failed counts with


@dataclass
class Branch:
    """An arm in a running sweep: its search, if it is tuned, and the settings that it reports."""

    arm: Arm
    search: ArmSearch | None = None
    naming: list[str] = field(default_factory=list)  # override of its trials and tuned runs
    trial_tags: dict[str, str] = field(default_factory=dict)
    settings: Settings | None = None  # None: not chosen yet
    tasks: dict[int, Task] = field(default_factory=dict)  # by the number of the job

    def chooses(self) -> bool:
        """Return whether the settings to report are known now, and were not before."""
        was_open = self.settings is None
        if was_open:
            self.settings = self.search.chosen if self.search else {}
        return was_open and self.settings is not None


class Rounds:
    """The jobs of a sweep: those of each arm's search, then the reported ones.

    `looks` are the seeds that each look at the results adds. Before the second and later ones
    `undecided` returns the labels of the arms that need more seeds. Numbers of jobs do not depend
    on results, so neither does the order of the variants in a comparison.
    """

    before = 0

    def __init__(
        self,
        branches: Sequence[Branch],
        looks: Sequence[Sequence[int]],
        undecided: Callable[[], Collection[str]],
        with_untuned: bool,
    ) -> None:
        self.branches, self.looks, self.undecided = branches, list(looks), undecided
        self.with_untuned = with_untuned
        self.first_seeds = len(looks[0])
        self.order = {seed: place for place, seed in enumerate(chain(*looks))}
        # Looks for results of other machines; returns whether there was any.
        self.find_results: Callable[[Sequence[Job]], bool] | None = None
        self.running: dict[int, Branch] = {}
        self.has_begun = False

    @property
    def total(self) -> int:
        """The number of jobs known so far, those included that wait for a search."""
        searches = [branch.search for branch in self.branches if branch.search]
        trials = sum(stage.trials * len(s.seeds) for s in searches for stage in s.stages)
        return trials + len(self.branches) * self.first_seeds * (1 + self.with_untuned)

    def next(self, ended: Mapping[int, float]) -> list[Job]:
        """Return the jobs that can begin, given the validation errors of those that have ended.

        The error of a job that failed or diverged is not finite. Nothing is left to do when this
        returns nothing and no job runs.
        """
        for number, error in ended.items():
            branch = self.running.pop(number)
            if branch.search and (task := branch.tasks.get(number)):
                branch.search.results[task] = error if math.isfinite(error) else WORST_ERROR
        jobs = list(self._interleaved(self._ready))
        self.has_begun = True
        if not jobs and not self.running:
            jobs = self._grow()
        if jobs and self.find_results and not self.find_results(jobs):
            self.find_results = None  # those of further jobs would depend on these
        return jobs

    def _interleaved(self, jobs_of: Callable[[int, Branch], Iterable[Job]]) -> Iterable[Job]:
        """Yield the jobs of all arms in turns, so that all searches end at about one time."""
        each = [list(jobs_of(place, branch)) for place, branch in enumerate(self.branches)]
        for jobs in zip_longest(*each):
            for branch, job in zip(self.branches, jobs, strict=True):
                if job:
                    self.running[job.number] = branch
                    yield job

    def _ready(self, place: int, branch: Branch) -> Iterable[Job]:
        if branch.search:
            yield from (self._trial(place, branch, task) for task in branch.search.next())
        if branch.chooses():
            yield from self._reported(place, branch)
        if self.with_untuned and not self.has_begun:
            yield from self._reported(place, branch, Role.UNTUNED)

    def _grow(self) -> list[Job]:
        """Return the jobs of the next look, for the arms that it can decide."""
        labels = self.undecided() if len(self.looks) > 1 else ()
        self.looks = self.looks[1:] if labels else []
        if not self.looks:
            return []
        return list(self._interleaved(lambda place, branch: self._further(place, branch, labels)))

    def _further(self, place: int, branch: Branch, labels: Collection[str]) -> Iterable[Job]:
        if branch.arm.label in labels:
            yield from self._reported(place, branch)
            if self.with_untuned:
                yield from self._reported(place, branch, Role.UNTUNED)

    def _reported(self, place: int, branch: Branch, role: Role = Role.REPORTED) -> Iterable[Job]:
        """Yield the jobs on the seeds of the present look."""
        arm, settings, naming = branch.arm, branch.settings or {}, branch.naming
        first = place * len(self.order)
        if role is Role.UNTUNED:
            first, settings, naming = first + len(self.branches) * len(self.order), {}, []
        for seed in self.looks[0]:
            tags = mapping_text({"role": role, "arm": arm.label})
            overrides = arm.job(seed, settings, *naming, f"sweep.tags={tags}")
            yield Job(first + self.order[seed], arm.job_name(seed, settings), overrides)

    def _trial(self, place: int, branch: Branch, task: Task) -> Job:
        arm, search = branch.arm, branch.search
        assert search is not None
        settings = search.settings_of(task)
        first = 2 * len(self.branches) * len(self.order) + place * search.places
        tags = {"role": Role.TRIAL, "arm": arm.label, "trial": task.trial, **branch.trial_tags}
        tags["rung"] = f"{task.rung + 1}/{len(search.stages)}"
        others = ["figures=false", *branch.naming]
        if len(search.stages) > 1:
            others.append(f"sweep.after={search.stages[task.rung - 1].epochs if task.rung else 0}")
        others.append(f"sweep.tags={mapping_text(tags)}")
        number = first + search.place(task)
        branch.tasks[number] = task
        return Job(number, arm.job_name(task.seed, settings), arm.job(task.seed, settings, *others))
