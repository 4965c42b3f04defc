"""Figures of a comparison, each with a caption that explains it."""

from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare.comparison import Comparison
from src.compare.factorial import Factorial
from src.compare.figure_style import (
    LIGHT,
    RC,
    STYLES,
    ReportFigure,
    band,
    clip,
    legend,
    log_if_wide,
    new_figure,
    new_row_figure,
)
from src.compare.formatting import count, interval, percent, points
from src.compare.layer_plot import layer_plot
from src.compare.pairs import Pair, Verdict
from src.compare.panel_layout import find_panels
from src.compare.stats import FloatArray
from src.compare.variants import Variant
from src.metrics import MINUS

MAX_ROWS, MAX_LABEL = 30, 40  # rows, and characters of their labels, with room to read
MAX_FOREST_ALL_PAIRS = 6  # of more pairs only those with the baseline are drawn
MARKS = {  # colour, marker, filled
    Verdict.BETTER: ("blue", "v", True),
    Verdict.WORSE: ("vermillion", "^", True),
    Verdict.EQUIVALENT: ("green", "s", True),
    Verdict.UNDECIDED: ("grey", "o", False),
}


def draw(comparison: Comparison) -> list[ReportFigure]:
    """Draw every figure that the runs allow."""
    plots = (curves, forest, strip, factorial_plot, layer_plot)
    with matplotlib.rc_context(RC):
        figures = [figure for plot in plots if (figure := plot(comparison))]
        for found in figures:  # laid out once here, not again for PNG and for SVG
            found.figure.draw_without_rendering()
            found.figure.set_layout_engine(None)
    return figures


def curves(comparison: Comparison) -> ReportFigure:
    """Draw validation error by epoch: mean and range over the seeds."""
    panels, left_out = find_panels(comparison)
    figure, (axes,) = new_figure(1, len(panels), height=3.2)
    for axis, panel in zip(axes, panels, strict=True):
        for line in (line for line in panel.lines if line.variant.usable):
            errors = _by_epoch(line.variant)
            epochs = np.arange(1, len(errors[0]) + 1)
            band(axis, epochs, errors, line.style, line.label, marks=max(1, len(epochs) // 8))
        axis.set(title=clip(panel.title, 80 // len(panels)), xlabel="epoch")
        ticks = 4 if len(panels) > 2 else 9
        axis.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    log_if_wide(axes)
    axes[0].set_ylabel("validation error (%)")
    legend(figure, axes)
    caption = f"Mean over the seeds still training (line) and their range (band). {left_out}"
    return ReportFigure("curves", "Validation error by epoch", caption.strip(), figure)


def forest(comparison: Comparison) -> ReportFigure | None:
    """Draw paired differences with their intervals, the zero line and the margin."""
    draws_all = len(comparison.pairs) <= MAX_FOREST_ALL_PAIRS
    pairs = comparison.pairs if draws_all else comparison.baseline_pairs
    shown = sorted(pairs, key=lambda pair: np.nan_to_num(pair.effect.mean, nan=np.inf))[:MAX_ROWS]
    if not shown:
        return None
    one_baseline = len(shown) > 1 and all(pair.b is comparison.baseline for pair in shown)
    ends = [(clip(pair.a.label, MAX_LABEL), clip(pair.b.label, MAX_LABEL)) for pair in shown]
    labels = [a if one_baseline else f"{a}\n{MINUS} {b}" for a, b in ends]
    figure, axis = new_row_figure(labels, height=0.3 if one_baseline else 0.42)
    margin = 100 * comparison.margin
    axis.axvspan(-margin, margin, color=LIGHT["grey"], alpha=0.2, linewidth=0)
    axis.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    for row, pair in enumerate(shown):
        _forest_row(axis, row, pair)
    minus = f" {MINUS} {ends[0][1]}" if one_baseline else ""
    axis.set_xlabel(f"best validation error{minus}, difference in percentage points")
    title = "Paired differences" + (f" from {comparison.baseline.label}" if one_baseline else "")
    caption = _forest_caption(comparison.margin, shown, len(pairs))
    return ReportFigure("differences", title, caption, figure)


def strip(comparison: Comparison) -> ReportFigure:
    """Draw each seed's best validation error, one row a variant."""
    usable, shown = comparison.by_error, comparison.by_error[:MAX_ROWS]
    labels = [clip(variant.label, MAX_LABEL) for variant in shown]
    figure, axis = new_row_figure(labels, height=0.27 if len(shown) > 2 else 0.5)
    caption = "Best validation error of each seed (dots) and the mean (bar), lowest mean first."
    if len(shown) == 2:
        _join_seeds(axis, *shown)
        caption += " A line joins the two runs of a seed."
    for row, variant in enumerate(shown):
        errors = 100 * np.array([*variant.best_errors.values()])
        axis.plot(errors, np.full(len(errors), row), "o", color=LIGHT["blue"], alpha=0.55, mew=0)
        if len(errors) > 1:
            axis.plot(errors.mean(), row, "|", color=LIGHT["ink"], markersize=15, mew=1.8)
    axis.grid(axis="x")
    axis.set_xlabel("best validation error (%)")
    if len(usable) > MAX_ROWS:
        caption += f" Drawn are the {MAX_ROWS} lowest of {len(usable)} variants."
    return ReportFigure("seeds", "Every seed", caption, figure)


def factorial_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw the error against one factor, a line for each level of the other."""
    factorial = comparison.factorial
    if factorial is None or len(factorial.lines) > len(STYLES):
        return None
    figure, ((axis,),) = new_figure(1, 1, height=3.2)
    for style, level in enumerate(factorial.lines):
        cells = [(at, factorial.cells.get((x, level))) for at, x in enumerate(factorial.xs)]
        best = {at: [*cell.best_errors.values()] for at, cell in cells if cell and cell.usable}
        errors = [[float(of(found)) for found in best.values()] for of in (np.mean, min, max)]
        band(axis, [*best], errors, style, f"{factorial.line}={level}", marks=1)
    log_if_wide([axis])
    axis.set_xticks(range(len(factorial.xs)), factorial.xs)
    axis.set(xlabel=clip(factorial.x, MAX_LABEL), ylabel="best validation error (%)")
    legend(figure, [axis])
    interactions = _interactions(factorial, comparison.baseline)
    caption = " ".join(["Mean over seeds (line) and their range (band).", *interactions])
    return ReportFigure("factors", f"{factorial.line} by {factorial.x}", caption, figure)


def _interactions(factorial: Factorial, baseline: Variant) -> Iterator[str]:
    """Describe each line's interaction with the baseline's in a sentence."""
    reference, ends = baseline.levels[factorial.line], f"{factorial.xs[0]} to {factorial.xs[-1]}"
    for level, effect in factorial.interactions(reference).items():
        evidence = ""
        if effect.n > 1:
            known = "excludes" if effect.excludes_zero else "contains"
            evidence = f" (95 % interval {interval(effect.low, effect.high)}, which {known} 0)"
        yield (
            f"From {factorial.x}={ends} the gap {level} {MINUS} {reference} changes by "
            f"{points(effect.mean)} points{evidence}, n = {count(effect.n, 'seed')}."
        )


def _by_epoch(variant: Variant) -> list[FloatArray]:
    """Return mean, lowest and highest validation error by epoch, over the runs that have it."""
    runs = [*variant.usable.values()]
    errors = np.full((len(runs), max(len(run.epochs) for run in runs)), np.nan)
    for row, run in zip(errors, runs, strict=True):
        row[: len(run.epochs)] = [epoch.val_error for epoch in run.epochs]
    return [of(errors, axis=0) for of in (np.nanmean, np.nanmin, np.nanmax)]


def _forest_row(axis: Axes, row: int, pair: Pair) -> None:
    name, marker, filled = MARKS[pair.verdict]
    color, effect = LIGHT[name], pair.effect
    seen = 100 * pair.differences
    axis.plot(seen, np.full(len(seen), row + 0.22), ".", color=color, alpha=0.5, markersize=3.5)
    axis.plot([100 * effect.low, 100 * effect.high], [row, row], color=color, solid_capstyle="butt")
    face = color if filled else LIGHT["paper"]
    axis.plot(100 * effect.mean, row, marker, color=color, markerfacecolor=face, markersize=6)
    text = f"{points(effect.mean)}  {pair.verdict}"
    axis.text(1.01, row, text, transform=axis.get_yaxis_transform(), va="center", fontsize=8)


def _forest_caption(margin: float, shown: Sequence[Pair], of: int) -> str:
    few = max(pair.effect.n for pair in shown) < 2
    drawn = "The difference" if few else "Difference of each seed (dots), mean and 95 % interval"
    left_out = f" Drawn are the {len(shown)} lowest of {of}." if len(shown) < of else ""
    return (
        f"{drawn}; left of 0 the first has the lower error, the grey band is the margin of "
        f"±{percent(margin)} points.{left_out}"
    )


def _join_seeds(axis: Axes, first: Variant, second: Variant) -> None:
    for seed in first.best_errors.keys() & second.best_errors.keys():
        errors = [100 * first.best_errors[seed], 100 * second.best_errors[seed]]
        axis.plot(errors, [0, 1], color=LIGHT["grey"], linewidth=0.7, alpha=0.6)
