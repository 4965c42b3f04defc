"""Tuning plot: the error against each tuned setting, and against the number of trials."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare.comparison import Comparison
from src.compare.figure_style import (
    LIGHT,
    STYLES,
    ReportFigure,
    clip,
    legend,
    log_if_wide,
    new_figure,
)
from src.compare.tuned import Search
from src.search_space import Dimension, Scale

MAX_DIMENSIONS = 3  # side by side, beside the panel of trials


def tuning_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw the searches of a tuned sweep; None for an untuned one, or without a finished trial."""
    searches = [search for search in comparison.searches if search.errors][: len(STYLES)]
    if not searches:
        return None
    space = searches[0].space[:MAX_DIMENSIONS]
    figure, (axes,) = new_figure(1, len(space) + 1, height=3.2)
    for style, search in enumerate(searches):
        for axis, dimension in zip(axes, space, strict=False):
            _draw_trials(axis, search, dimension, style)
        color, _, dashes = STYLES[style]
        expected = [100 * error for error in search.expected_best]
        trials = range(1, len(expected) + 1)
        axes[-1].plot(trials, expected, color=LIGHT[color], linestyle=dashes, label=search.arm)
    for axis, dimension in zip(axes, space, strict=False):
        axis.set_xlabel(clip(dimension.key, 80 // len(axes)))
        if dimension.scale is Scale.LOG:
            axis.set_xscale("log")
    axes[-1].set_xlabel("trials")
    axes[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[0].set_ylabel("validation error (%)")
    log_if_wide(axes)
    legend(figure, axes)
    caption = (
        "Mean validation error of each trial over the tuning seeds, the choice ringed; to the "
        "right the best that is to be expected after so many random trials of those made, without "
        f"bias (Tang et al. 2020, arXiv 2004.13705). {_left_out(comparison, searches)}"
    )
    return ReportFigure("tuning", "What tuning found", caption.strip(), figure)


def _draw_trials(axis: Axes, search: Search, dimension: Dimension, style: int) -> None:
    color, marker, _ = STYLES[style]
    settings = {trial.number: trial.settings[dimension.key] for trial in search.trials}
    numbers = [*search.errors]
    values = [_position(settings[number], dimension) for number in numbers]
    errors = [100 * search.errors[number] for number in numbers]
    axis.plot(values, errors, marker, color=LIGHT[color], alpha=0.7, label=search.arm)
    at = numbers.index(search.chosen)
    axis.plot(values[at], errors[at], "o", color=LIGHT["ink"], fillstyle="none", markersize=10)
    if dimension.choices:
        axis.set_xticks(np.arange(len(dimension.choices)), dimension.choices)


def _position(value: str, dimension: Dimension) -> float:
    """Return where a value lies on the axis: a choice at its number."""
    return dimension.choices.index(value) if dimension.choices else float(value)


def _left_out(comparison: Comparison, searches: Sequence[Search]) -> str:
    total = len(comparison.searches)
    return f"Drawn are {len(searches)} of {total} variants." if len(searches) < total else ""
