"""Tuning plot: the error against each tuned setting, and against the number of trials."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare import figure_style as style
from src.compare.comparison import Comparison
from src.compare.figure_style import LIGHT, STYLES, ReportFigure
from src.compare.tuned import Search
from src.config.search_space import Dimension, Scale
from src.messages.error_text import clip

MAX_DIMENSIONS = 3  # side by side, beside the panel of trials
EXPECTED = (
    "; to the right the best that is to be expected after so many random trials of those made, "
    "without bias (Tang et al. 2020, arXiv 2004.13705)."
)
CUT = "; hollow those that halving has cut, at the error that they had reached by then"
FIRST_RUNG = " There the errors are those on the first rung of halving, which all trials have."


def tuning_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw the searches of a tuned sweep; None for an untuned one, or without a finished trial."""
    searches = comparison.searches[: len(STYLES)]
    if not searches:
        return None
    space = searches[0].space[:MAX_DIMENSIONS]
    is_cut = any(search.cut for search in searches)
    figure, (axes,) = style.new_figure(1, len(space) + 1, height=3.2)
    *by_setting, by_trials = axes
    for (color, marker, dashes), search in zip(STYLES, searches, strict=False):
        for axis, dimension in zip(by_setting, space, strict=True):
            _draw_trials(axis, search, dimension, LIGHT[color], marker)
        expected = [100 * error for error in search.expected_best]
        trials = range(1, len(expected) + 1)
        by_trials.plot(trials, expected, color=LIGHT[color], linestyle=dashes, label=search.arm)
    by_trials.set_xlabel("trials, first rung" if is_cut else "trials")
    by_trials.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axis, dimension in zip(by_setting, space, strict=True):
        axis.set_xlabel(clip(dimension.key, 80 // len(axes)))
        if dimension.scale is Scale.LOG:
            axis.set_xscale("log")
            style.label_log(axis.xaxis, dimension.high < 50 * dimension.low)
        if dimension.choices:
            axis.set_xticks(range(len(dimension.choices)), dimension.choices)
    axes[0].set_ylabel("validation error (%)")
    style.log_if_wide(axes)
    style.legend(figure, axes)
    caption = "Mean validation error of each trial over the tuning seeds, the choice ringed"
    caption += CUT + EXPECTED + FIRST_RUNG if is_cut else EXPECTED
    if len(searches) < (total := len(comparison.searches)):
        caption += f" Drawn are {len(searches)} of {total} variants."
    return ReportFigure("tuning", "What tuning found", caption, figure)


def _draw_trials(axis: Axes, search: Search, dimension: Dimension, color: str, marker: str) -> None:
    """Draw a search's errors against one setting; a choice lies at its number."""
    settings = {trial.number: trial.settings[dimension.key] for trial in search.trials}
    at = {
        number: dimension.choices.index(setting) if dimension.choices else float(setting)
        for number, setting in settings.items()
    }
    for found, fill, label in ((search.errors, "full", search.arm), (search.cut, "none", None)):
        errors = [100 * error for error in found.values()]
        looks: dict[str, Any] = {"color": color, "alpha": 0.7, "fillstyle": fill, "label": label}
        axis.plot([at[number] for number in found], errors, marker, **looks)
    chosen = at[search.chosen], 100 * search.best_error
    axis.plot(*chosen, "o", color=LIGHT["ink"], fillstyle="none", markersize=10)
