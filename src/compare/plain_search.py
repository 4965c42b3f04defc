"""The end of a plain search, whose sweeper tries settings for one model: the best trial, and why.

Importances: how much worse a random forest predicts the error where one parameter's values are
permuted (Breiman 2001, "Random forests"), as shares of their sum.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

from src.compare.criterion import is_usable
from src.messages import commands
from src.messages.error_text import clip
from src.metrics import BEST_VAL_ERROR, Run

if TYPE_CHECKING:
    from src.compare.figure_style import ReportFigure

OVERRIDE = re.compile(r" (?=[+~]*[\w./@]+=)")  # between two overrides in a job's name
MIN_TRIALS = 10  # a forest learns nothing from fewer
LOG_RATIO = 30  # between the ends of a range that is searched by orders of magnitude
MAX_PANELS, MAX_TRIALS = 4, 5
SEED = 0


@dataclass(frozen=True)
class Trial:
    """A trial that has ended with a finite error."""

    number: int
    run: Run
    settings: Mapping[str, str]  # those that differ between trials, as typed
    error: float  # the lowest validation error, a fraction


@dataclass(frozen=True)
class PlainSearch:
    """All trials of a search, the best first."""

    question: str
    trials: Sequence[Trial]
    total: int  # trials that were made, those without a finite error included

    @property
    def best(self) -> Trial:
        return self.trials[0]

    @property
    def best_trials(self) -> Sequence[Trial]:
        """The trials that people read."""
        return self.trials[:MAX_TRIALS]

    @property
    def keys(self) -> list[str]:
        return list(self.best.settings)

    @property
    def command(self) -> str:
        """The command that trains the best trial again."""
        return commands.train(*OVERRIDE.split(self.best.run.name))

    @property
    def sentence(self) -> str:
        """The answer in words."""
        best, run = self.best, self.best.run
        settings = " ".join(f"{key}={value}" for key, value in best.settings.items())
        tested = f", its test error is {run.test_error:.2%}" if isfinite(run.test_error) else ""
        return (
            f"Best of {self.total} trials: {settings or run.name} (trial {best.number}) reaches a "
            f"validation error of {best.error:.2%}, too low as the lowest of many{tested}."
        )

    @property
    def metrics(self) -> dict[str, float]:
        """The lowest validation error by metric, a fraction."""
        return {BEST_VAL_ERROR: self.best.error}

    @cached_property
    def importances(self) -> Mapping[str, float]:
        """The share of each parameter, the most important first; empty where none can be had."""
        if len(self.keys) < 2 or len(self.trials) < MIN_TRIALS:
            return {}
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.inspection import permutation_importance

        columns = [numbers_or_words([t.settings[key] for t in self.trials])[0] for key in self.keys]
        rows, errors = list(zip(*columns, strict=True)), [trial.error for trial in self.trials]
        forest = RandomForestRegressor(random_state=SEED).fit(rows, errors)
        found = permutation_importance(forest, rows, errors, n_repeats=20, random_state=SEED)
        shares = found.importances_mean.clip(0)
        if not shares.sum():
            return {}
        ranked = zip(self.keys, (shares / shares.sum()).tolist(), strict=True)
        return dict(sorted(ranked, key=lambda pair: -pair[1]))

    @property
    def importance_note(self) -> str:
        """The importances in a line; "" where there are none."""
        shares = ", ".join(f"{key} {share:.0%}" for key, share in self.importances.items())
        return f"Importance: {shares} (random forest, permuted values)." if shares else ""


def find_search(
    runs: Sequence[Run], numbers: Sequence[int], question: str | None = None
) -> PlainSearch | None:
    """Return what a search has found; None where no trial has ended with a finite error."""
    settings = [_settings(run.name) for run in runs]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    varied = [key for key in keys if len({each.get(key) for each in settings}) > 1]
    trials = [
        Trial(number, run, {key: own.get(key, "") for key in varied}, run.best.val_error)
        for number, run, own in zip(numbers, runs, settings, strict=True)
        if run.best and is_usable(run)
    ]
    ranked = sorted(trials, key=lambda trial: (trial.error, trial.number))
    question = question or "Which settings are best?"
    return PlainSearch(question, ranked, len(runs)) if ranked else None


def _settings(name: str) -> dict[str, str]:
    pairs = (typed.lstrip("+").partition("=") for typed in OVERRIDE.split(name))
    return {key: value for key, _, value in pairs}


def numbers_or_words(values: Sequence[str]) -> tuple[list[float], list[str]]:
    """Return values as numbers, and no words; or places in the order of words, and these."""
    try:
        return [float(value) for value in values], []
    except ValueError:
        words = sorted(set(values))
        return [words.index(value) for value in values], words


def search_plot(search: PlainSearch) -> "ReportFigure | None":
    """Draw the error of each trial against each parameter, the most important ones first."""
    from src.compare import figure_style as style

    keys = [*(search.importances or search.keys)][:MAX_PANELS]
    if not keys:
        return None
    figure, (axes,) = style.new_figure(1, len(keys), height=3.0)
    errors = [100 * trial.error for trial in search.trials]
    for axis, key in zip(axes, keys, strict=True):
        at, words = numbers_or_words([trial.settings[key] for trial in search.trials])
        axis.plot(at, errors, "o", color=style.LIGHT["blue"], alpha=0.7)
        axis.plot(at[0], errors[0], "o", color=style.LIGHT["ink"], fillstyle="none", markersize=10)
        axis.set_xlabel(clip(key, 80 // len(keys)))
        if not words and min(at) > 0 and max(at) >= LOG_RATIO * min(at):
            axis.set_xscale("log")
            style.label_log(axis.xaxis, max(at) < 50 * min(at))
        if words:
            axis.set_xticks(range(len(words)), [clip(word, 12) for word in words])
    axes[0].set_ylabel("validation error (%)")
    style.log_if_wide(axes)
    left_out = search.total - len(search.trials)
    caption = f"The lowest validation error of each trial, the best ringed. {left_out} of "
    caption += f"{search.total} failed or diverged and are left out."
    return style.ReportFigure("search", "Error against each parameter", caption, figure)
