"""The searches of a tuned sweep: what each variant tried, and chose."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from src.compare.stats import mean
from src.config.search_space import Dimension, Scale

MIN_CHOICES = 3  # numbers to choose from, of which one lies between others


@dataclass(frozen=True)
class Trial:
    """One setting that a variant tried, trained on one tuning seed."""

    number: int  # of the trial in its arm's search, from 0; equal for its tuning seeds
    settings: Mapping[str, str]  # tuned key: value, as typed
    seed: int
    is_full: bool  # False in the shorter runs of successive halving, of which none is chosen
    val_error: float  # at the selected epoch, a fraction; 1.0 if the run diverged or failed
    rung: int = 1  # of successive halving, from 1


@dataclass(frozen=True)
class Search:
    """The search of one variant: equal space and budget for all variants of a sweep."""

    arm: str  # the variant as it was typed: `activation=relu model.depth=2`
    space: tuple[Dimension, ...]
    budget: int
    trials: tuple[Trial, ...]

    @cached_property
    def errors(self) -> dict[int, float]:
        """The mean validation error over the tuning seeds, by trial, of full runs alone.

        Trials that halving has cut are left out, as is one that lacks a seed others have.
        """
        return self._means(trial for trial in self.trials if trial.is_full)

    def _means(self, trials: Iterable[Trial]) -> dict[int, float]:
        seeds = {trial.seed for trial in self.trials}
        found = _by_number(trials)
        return {n: mean(each.values()) for n, each in found.items() if each.keys() == seeds}

    @cached_property
    def cut(self) -> dict[int, float]:
        """The mean validation error of each trial that halving has cut, on its last rung."""
        whole = {trial.number for trial in self.trials if trial.is_full}
        in_turn = sorted(self.trials, key=lambda trial: trial.rung)
        found = _by_number(trial for trial in in_turn if trial.number not in whole)
        return {n: mean(each.values()) for n, each in found.items()}

    @property
    def chosen(self) -> int:
        """The trial of the lowest mean validation error, the first of equals."""
        return min(self.errors, key=lambda number: self.errors[number])

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that were chosen: tuned key and value, as typed."""
        return next(trial.settings for trial in self.trials if trial.number == self.chosen)

    @property
    def edges(self) -> list[str]:
        """The tuned keys whose chosen value is the lowest or highest number that was tried.

        Among words there is no lowest, and of a choice between two both would be at an edge.
        """
        found = []
        for dimension in self.space:
            try:
                tried = {float(trial.settings[dimension.key]) for trial in self.trials}
            except ValueError:
                continue
            is_range = dimension.scale != Scale.CHOICE or len(tried) >= MIN_CHOICES
            if is_range and float(self.settings[dimension.key]) in (min(tried), max(tried)):
                found.append(dimension.key)
        return found

    @property
    def best_error(self) -> float:
        """The chosen settings' mean validation error: a minimum, and so too low (NaN: none)."""
        return min(self.errors.values(), default=math.nan)

    @property
    def expected_best(self) -> list[float]:
        """The expected lowest error of 1, 2, … random trials of those made, without bias.

        The mean over all subsets of the trials (Tang et al. 2020, arXiv 2004.13705). Of halving
        the errors are those on the first rung: whatever goes on is no random draw of the trials.
        """
        errors = sorted(self._means(trial for trial in self.trials if trial.rung == 1).values())
        n = len(errors)
        return [
            math.fsum(e * math.comb(n - 1 - at, size - 1) for at, e in enumerate(errors))
            / math.comb(n, size)
            for size in range(1, n + 1)
        ]


def _by_number(trials: Iterable[Trial]) -> dict[int, dict[int, float]]:
    """Return the error at each tuning seed, the last of several, by the number of the trial."""
    found: dict[int, dict[int, float]] = {}
    for trial in trials:
        found.setdefault(trial.number, {})[trial.seed] = trial.val_error
    return dict(sorted(found.items()))
