"""Figures of a comparison, each with a caption that explains it."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare.comparison import Comparison
from src.compare.contrasts import Verdict
from src.compare.criterion import Criterion
from src.compare.factorial import Kind
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
from src.compare.layer_plot import layer_plot
from src.compare.pairs import Pair
from src.compare.panel_layout import find_panels
from src.compare.sign_flips import FloatArray
from src.compare.tuning_plot import tuning_plot
from src.compare.variants import Variant
from src.metrics import MINUS

MAX_ROWS, MAX_LABEL = 30, 40  # rows, and characters of their labels, with room to read
MARKS = {  # colour, marker, filled
    Verdict.BETTER: ("blue", "v", True),
    Verdict.WORSE: ("vermillion", "^", True),
    Verdict.EQUIVALENT: ("green", "s", True),
    Verdict.UNDECIDED: ("grey", "o", False),
    Verdict.NOT_LEARNED: ("purple", "X", True),
}


def draw(comparison: Comparison) -> list[ReportFigure]:
    """Draw every figure that the runs allow."""
    plots = (forest, factorial_plot, strip, curves, tuning_plot, layer_plot)
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
    pairs, criterion = comparison.listed_pairs, comparison.criterion
    by_effect = sorted(
        pairs, key=lambda p: np.nan_to_num(criterion.sign * p.effect.mean, nan=np.inf)
    )
    shown = by_effect[:MAX_ROWS]
    if not shown:
        return None
    one_baseline = len(shown) > 1 and all(pair.b is comparison.baseline for pair in shown)
    ends = [(clip(pair.a.label, MAX_LABEL), clip(pair.b.label, MAX_LABEL)) for pair in shown]
    labels = [a if one_baseline else f"{a}\n{MINUS} {b}" for a, b in ends]
    figure, axis = new_row_figure(labels, height=0.3 if one_baseline else 0.42)
    margin = criterion.metric.scale * comparison.margin
    axis.axvspan(-margin, margin, color=LIGHT["grey"], alpha=0.2, linewidth=0)
    axis.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    for row, pair in enumerate(shown):
        _forest_row(axis, row, pair, criterion)
    minus = f" {MINUS} {ends[0][1]}" if one_baseline else ""
    unit = " in percentage points" if criterion.unit else ""
    axis.set_xlabel(f"{criterion.label}{minus}, difference{unit}")
    title = "Paired differences" + (f" from {comparison.baseline.label}" if one_baseline else "")
    caption = _forest_caption(comparison, shown, len(pairs))
    return ReportFigure("differences", title, caption, figure)


def strip(comparison: Comparison) -> ReportFigure:
    """Draw each seed's judged value, one row a variant."""
    usable, shown = comparison.ranked, comparison.ranked[:MAX_ROWS]
    label = comparison.criterion.label
    labels = [clip(variant.label, MAX_LABEL) for variant in shown]
    figure, axis = new_row_figure(labels, height=0.27 if len(shown) > 2 else 0.5)
    caption = f"{label.capitalize()} of each seed (dots) and the mean (bar), the best first."
    found = [_shown_values(variant, comparison.criterion) for variant in shown]
    if len(shown) == 2:
        for seed in found[0].keys() & found[1].keys():
            ends = [found[0][seed], found[1][seed]]
            axis.plot(ends, [0, 1], color=LIGHT["grey"], linewidth=0.7, alpha=0.6)
        caption += " A line joins the two runs of a seed."
    for row, by_seed in enumerate(found):
        values = np.array([*by_seed.values()])
        axis.plot(values, np.full(len(values), row), "o", color=LIGHT["blue"], alpha=0.55, mew=0)
        if len(values) > 1:
            axis.plot(values.mean(), row, "|", color=LIGHT["ink"], markersize=15, mew=1.8)
    axis.grid(axis="x")
    axis.set_xlabel(_axis_label(comparison.criterion))
    if len(usable) > MAX_ROWS:
        caption += f" Drawn are the best {MAX_ROWS} of {len(usable)} variants."
    return ReportFigure("seeds", "Every seed", caption, figure)


def _axis_label(criterion: Criterion) -> str:
    return f"{criterion.label} (%)" if criterion.unit else criterion.label


def _shown_values(variant: Variant, criterion: Criterion) -> dict[int, float]:
    """Return the judged values by seed, as people read them."""
    scale = criterion.metric.scale
    return {seed: scale * value for seed, value in variant.values(criterion).items()}


def factorial_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw the error against one factor, a line for each level of the other."""
    factorial = comparison.factorial
    if factorial is None or len(factorial.lines) > len(STYLES):
        return None
    criterion = comparison.criterion
    figure, ((axis,),) = new_figure(1, 1, height=3.2)
    for style, level in enumerate(factorial.lines):
        cells = [(at, factorial.cells.get((x, level))) for at, x in enumerate(factorial.xs)]
        found = {at: [*cell.values(criterion).values()] for at, cell in cells if cell}
        best = {at: values for at, values in found.items() if values}
        errors = [[float(of(values)) for values in best.values()] for of in (np.mean, min, max)]
        label = f"{factorial.line}={level}"
        band(axis, [*best], errors, style, label, marks=1, scale=criterion.metric.scale)
    log_if_wide([axis])
    axis.set_xticks(range(len(factorial.xs)), factorial.xs)
    axis.set(xlabel=clip(factorial.x, MAX_LABEL), ylabel=_axis_label(criterion))
    legend(figure, [axis])
    changes = [e for e in comparison.effects.items() if e[0].kind is Kind.INTERACTION]
    said = [
        f"{effect.label}: {criterion.metric.difference(found.estimate.mean)}{criterion.unit}, "
        f"{found.verdict}."
        for effect, found in changes
        if found.estimate.excludes_zero
    ]
    caption = " ".join(["Mean over seeds (line) and their range (band).", *said[:4]])
    return ReportFigure("factors", f"{factorial.line} by {factorial.x}", caption, figure)


def _by_epoch(variant: Variant) -> list[FloatArray]:
    """Return mean, lowest and highest validation error by epoch, over the runs that have it."""
    runs = [*variant.usable.values()]
    errors = np.full((len(runs), max(len(run.epochs) for run in runs)), np.nan)
    for row, run in zip(errors, runs, strict=True):
        row[: len(run.epochs)] = [epoch.val_error for epoch in run.epochs]
    return [of(errors, axis=0) for of in (np.nanmean, np.nanmin, np.nanmax)]


def _forest_row(axis: Axes, row: int, pair: Pair, criterion: Criterion) -> None:
    name, marker, filled = MARKS[pair.verdict]
    color, effect, scale = LIGHT[name], pair.effect, criterion.metric.scale
    seen = scale * pair.differences
    axis.plot(seen, np.full(len(seen), row + 0.22), ".", color=color, alpha=0.5, markersize=3.5)
    ends = [scale * effect.low, scale * effect.high]
    axis.plot(ends, [row, row], color=color, solid_capstyle="butt")
    face = color if filled else LIGHT["paper"]
    axis.plot(scale * effect.mean, row, marker, color=color, markerfacecolor=face, markersize=6)
    text = f"{criterion.metric.difference(effect.mean)}  {pair.verdict}"
    axis.text(1.01, row, text, transform=axis.get_yaxis_transform(), va="center", fontsize=8)


def _forest_caption(comparison: Comparison, shown: Sequence[Pair], of: int) -> str:
    criterion, few = comparison.criterion, max(pair.effect.n for pair in shown) < 2
    drawn = "The difference" if few else "Difference of each seed (dots), mean and 95 % interval"
    left_out = f" Drawn are the first {len(shown)} of {of}." if len(shown) < of else ""
    return (
        f"{drawn}; left of 0 the first has the lower {criterion.label}, the grey band is the "
        f"margin of ±{criterion.metric.text(comparison.margin)}{criterion.unit}.{left_out}"
    )
