"""Search of one variant's settings: what it tries, in which order, and what it chooses.

A proposal is a function of the trial's number and of earlier results in the order of their trials,
never of the time at which they came: a search that goes on after a kill proposes the same.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from src.config.search_space import Dimension, Scale

if TYPE_CHECKING:
    import optuna

Settings = Mapping[str, str]  # tuned key: value, as typed

SAMPLER_SEED = 0  # the same for every variant, so that all meet the same proposals
TPE_LAG = 4  # trials of a variant that run at once; fixed, or the pool would decide on proposals
TPE_RANDOM = 10  # trials before the estimator has enough to go by, at most half of the budget


class SamplerKind(StrEnum):
    """The ways to propose settings."""

    QMC = "qmc"
    TPE = "tpe"
    GRID = "grid"


class Sampler:
    """A source of proposals, one for each trial in turn; these wait for no result."""

    def __init__(self, points: Sequence[Settings]) -> None:
        self.budget, self.points = len(points), iter(points)

    def propose(self, errors: Mapping[int, float]) -> Iterator[Settings]:
        """Yield the settings of all further trials that `errors`, by trial, let one know."""
        yield from self.points


def sobol_points(space: Sequence[Dimension], budget: int) -> list[Settings]:
    """Return the first points of a scrambled Sobol sequence (Owen 1998, "Scrambling Sobol' …")."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space), scramble=True, rng=SAMPLER_SEED)
    rows = sequence.random_base2(math.ceil(math.log2(budget)))[:budget]
    return [{d.key: d.at(u) for d, u in zip(space, row, strict=True)} for row in rows.tolist()]


def grid_points(space: Sequence[Dimension], budget: int) -> list[Settings]:
    """Return a full grid of at most `budget` points: each choice, and ranges equally finely cut.

    There are none where the budget is below the number of choices, or leaves a range one point.
    """
    ranges = sum(d.scale is not Scale.CHOICE for d in space)
    choices = math.prod(len(d.choices) for d in space if d.scale is Scale.CHOICE)
    steps = 1
    while ranges and choices * (steps + 1) ** ranges <= budget:
        steps += 1
    if choices > budget or (ranges and steps < 2):
        return []
    cuts = [d.choices or [d.at(k / (steps - 1)) for k in range(steps)] for d in space]
    points = itertools.product(*(dict.fromkeys(cut) for cut in cuts))  # few integers repeat
    return [dict(zip([d.key for d in space], point, strict=True)) for point in points]


class TreeParzen(Sampler):
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked with a fixed lag.

    Trial k is asked for once trials 0 … k - TPE_LAG are told, in this order; those under way
    count as bad ones ("constant liar").
    """

    def __init__(self, space: Sequence[Dimension], budget: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(
            seed=SAMPLER_SEED, n_startup_trials=min(TPE_RANDOM, budget // 2), constant_liar=True
        )
        self.study = optuna.create_study(sampler=sampler)
        self.space, self.budget = space, budget
        self.asked: list[optuna.Trial] = []

    def propose(self, errors: Mapping[int, float]) -> Iterator[Settings]:
        """Yield settings as long as the results that they need are there."""
        while (number := len(self.asked)) < self.budget:
            if (due := number - TPE_LAG) >= 0:
                if due not in errors:
                    return
                self.study.tell(self.asked[due], errors[due])
            trial = self.study.ask()
            self.asked.append(trial)
            yield {dimension.key: _suggest(trial, dimension) for dimension in self.space}


def _suggest(trial: "optuna.Trial", dimension: Dimension) -> str:
    key, low, high = dimension.key, dimension.low, dimension.high
    if dimension.scale is Scale.CHOICE:
        return trial.suggest_categorical(key, dimension.choices)
    if dimension.scale is Scale.INT:
        return dimension.spell(trial.suggest_int(key, int(low), int(high)))
    return dimension.spell(trial.suggest_float(key, low, high, log=dimension.scale is Scale.LOG))


def sampler(kind: str, space: Sequence[Dimension], budget: int) -> Sampler:
    """Return a new sampler."""
    if kind == SamplerKind.TPE:
        return TreeParzen(space, budget)
    points = sobol_points if kind == SamplerKind.QMC else grid_points
    return Sampler(points(space, budget))


@dataclass(frozen=True)
class Rung:
    """A stage of successive halving: so many trials, each trained up to so many epochs."""

    trials: int
    epochs: int


def rungs(budget: int, epochs: int, factor: int | None) -> list[Rung]:
    """Return the stages of a search; without a factor one, in which every trial is trained in full.

    From each to the next one trial in `factor` goes on, up to `factor` times as many epochs
    (Jamieson & Talwalkar 2016, "Non-stochastic best arm identification"). All are stops of one
    training: the schedule is that of all epochs, so what is cut is what would have gone on.
    """
    stages, cut = 1, factor or 1
    while factor and min(epochs, budget) >= factor**stages:
        stages += 1
    return [Rung(budget // cut**k, epochs // cut ** (stages - 1 - k)) for k in range(stages)]


@dataclass(frozen=True)
class Task:
    """One job of a search."""

    trial: int
    rung: int
    seed: int


class ArmSearch:
    """The search of one arm: given the results so far, the tasks that can begin."""

    def __init__(self, source: Sampler, seeds: Sequence[int], stages: Sequence[Rung]) -> None:
        self.source, self.seeds, self.stages = source, seeds, stages
        self.settings: list[Settings] = []
        self.results: dict[Task, float] = {}  # validation errors of those that have ended
        self.begun: set[tuple[int, int]] = set()  # trial, rung

    @property
    def places(self) -> int:
        """The number of tasks that the search may have."""
        return len(self.stages) * self.stages[0].trials * len(self.seeds)

    def place(self, task: Task) -> int:
        """Return the number of a task among them."""
        at = task.rung * self.stages[0].trials + task.trial
        return at * len(self.seeds) + self.seeds.index(task.seed)

    def settings_of(self, task: Task) -> Settings:
        """Return the settings of a task: those of its trial, and where it stops if it is cut."""
        own, stage = self.settings[task.trial], self.stages[task.rung]
        return own if stage is self.stages[-1] else {**own, "stop_after": str(stage.epochs)}

    def next(self) -> list[Task]:
        """Return the tasks that can begin now, each once."""
        self.settings += self.source.propose(self.errors(0))
        ready = [(trial, 0) for trial in range(len(self.settings))]
        ready += [
            (trial, rung + 1)
            for rung in range(len(self.stages) - 1)
            for trial in self._promoted(rung)
        ]
        new = [each for each in ready if each not in self.begun]
        self.begun.update(new)
        return [Task(trial, rung, seed) for trial, rung in new for seed in self.seeds]

    def errors(self, rung: int) -> dict[int, float]:
        """Return the mean error over the tuning seeds of each trial that has ended this rung."""
        found = {}
        for trial in range(len(self.settings)):
            tasks = [Task(trial, rung, seed) for seed in self.seeds]
            if all(task in self.results for task in tasks):
                found[trial] = math.fsum(self.results[task] for task in tasks) / len(tasks)
        return found

    def _promoted(self, rung: int) -> list[int]:
        """Return the trials that go on whatever the others of the rung will come to.

        None waits for the rung to be complete, and which go on does not depend on time.
        """
        errors, stage = self.errors(rung), self.stages[rung]
        ranked = sorted(errors, key=lambda trial: (errors[trial], trial))
        pending = stage.trials - len(errors)
        return ranked[: max(self.stages[rung + 1].trials - pending, 0)]

    @property
    def chosen(self) -> Settings | None:
        """The settings of the lowest mean error, the first of equals; None until all has ended."""
        last = len(self.stages) - 1
        errors = self.errors(last)
        if len(errors) < self.stages[last].trials:
            return None
        return self.settings[min(errors, key=lambda trial: errors[trial])]
