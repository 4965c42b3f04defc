"""Figures of a comparison, each with a caption that explains it; None where runs allow none."""

import numpy as np
from matplotlib.axes import Axes

from src.compare import figure_style as style
from src.compare.comparison import Comparison
from src.compare.contrasts import Verdict
from src.compare.criterion import Criterion
from src.compare.figure_style import LIGHT, STYLES, ReportFigure
from src.compare.pairs import Pair
from src.compare.panel_plots import curves, layers
from src.compare.tuning_plot import tuning_plot
from src.messages.error_text import clip
from src.metrics import MINUS

MAX_ROWS, MAX_LABEL = 30, 40  # rows, and characters of their labels, with room to read
MARKS = {  # colour, marker, filled
    Verdict.BETTER: ("blue", "v", True),
    Verdict.WORSE: ("vermillion", "^", True),
    Verdict.EQUIVALENT: ("green", "s", True),
    Verdict.UNDECIDED: ("grey", "o", False),
    Verdict.NOT_LEARNED: ("purple", "X", True),
}


def forest(comparison: Comparison) -> ReportFigure | None:
    """Draw paired differences with their intervals, the zero line and the margin."""
    pairs, criterion = comparison.listed_pairs, comparison.criterion
    by_difference = sorted(
        pairs, key=lambda p: np.nan_to_num(criterion.sign * p.estimate.mean, nan=np.inf)
    )
    shown = by_difference[:MAX_ROWS]
    if not shown:
        return None
    one_baseline = len(shown) > 1 and all(pair.b is comparison.baseline for pair in shown)
    ends = [[clip(v.label, MAX_LABEL) for v in (pair.a, pair.b)] for pair in shown]
    labels = [a if one_baseline else f"{a}\n{MINUS} {b}" for a, b in ends]
    figure, axis = style.new_row_figure(labels, height=0.3 if one_baseline else 0.42)
    margin = criterion.metric.scale * comparison.margin
    axis.axvspan(-margin, margin, color=LIGHT["grey"], alpha=0.2, linewidth=0)
    axis.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    for row, pair in enumerate(shown):
        _forest_row(axis, row, pair, criterion)
    minus = f" {MINUS} {ends[0][1]}" if one_baseline else ""
    unit = " in percentage points" if criterion.unit else ""
    axis.set_xlabel(f"{criterion.label}{minus}, difference{unit}")
    title = "Paired differences" + (f" from {comparison.baseline.label}" if one_baseline else "")
    has_one_seed = max(pair.estimate.n for pair in shown) < 2
    dots = "Difference of each seed (dots), mean and 95 % interval"
    caption = (
        f"{'The difference' if has_one_seed else dots}; left of 0 the first has the lower "
        f"{criterion.label}, the grey band is the margin of ±{criterion.amount(comparison.margin)}."
    )
    if len(shown) < len(pairs):
        caption += f" Drawn are the first {len(shown)} of {len(pairs)}."
    return ReportFigure("differences", title, caption, figure)


def _forest_row(axis: Axes, row: int, pair: Pair, criterion: Criterion) -> None:
    name, marker, filled = MARKS[pair.verdict]
    color, found, scale = LIGHT[name], pair.estimate, criterion.metric.scale
    seen = scale * pair.differences
    axis.plot(seen, np.full(len(seen), row + 0.22), ".", color=color, alpha=0.5, markersize=3.5)
    ends = [scale * found.low, scale * found.high]
    axis.plot(ends, [row, row], color=color, solid_capstyle="butt")
    face = color if filled else LIGHT["paper"]
    axis.plot(scale * found.mean, row, marker, color=color, markerfacecolor=face, markersize=6)
    text = f"{criterion.metric.difference(found.mean)}  {pair.verdict}"
    axis.text(1.01, row, text, transform=axis.get_yaxis_transform(), va="center", fontsize=8)


def strip(comparison: Comparison) -> ReportFigure:
    """Draw each seed's judged value, one row a variant."""
    usable, criterion = comparison.ranked, comparison.criterion
    shown = usable[:MAX_ROWS]
    labels = [clip(variant.label, MAX_LABEL) for variant in shown]
    figure, axis = style.new_row_figure(labels, height=0.27 if len(shown) > 2 else 0.5)
    caption = (
        f"{criterion.label.capitalize()} of each seed (dots) and the mean (bar), the best first."
    )
    scale = criterion.metric.scale
    found = [{seed: scale * v for seed, v in each.values(criterion).items()} for each in shown]
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
    axis.set_xlabel(_axis_label(criterion))
    if len(usable) > MAX_ROWS:
        caption += f" Drawn are the best {MAX_ROWS} of {len(usable)} variants."
    return ReportFigure("seeds", "Every seed", caption, figure)


def factorial_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw the judged value against one factor, a line for each level of the other."""
    factorial, criterion = comparison.factorial, comparison.criterion
    if factorial is None or len(factorial.lines) > len(STYLES):
        return None
    figure, ((axis,),) = style.new_figure(1, 1, height=3.2)
    for number, level in enumerate(factorial.lines):
        cells = [(at, factorial.cells.get((x, level))) for at, x in enumerate(factorial.xs)]
        found = {at: [*cell.values(criterion).values()] for at, cell in cells if cell}
        known = {at: values for at, values in found.items() if values}
        values = [[float(of(each)) for each in known.values()] for of in (np.mean, min, max)]
        label, scale = f"{factorial.line}={level}", criterion.metric.scale
        style.band(axis, [*known], values, number, label, marks=1, scale=scale)
    style.log_if_wide([axis])
    axis.set_xticks(range(len(factorial.xs)), factorial.xs)
    axis.set(xlabel=clip(factorial.x, MAX_LABEL), ylabel=_axis_label(criterion))
    style.legend(figure, [axis])
    said = [
        f"{effect.label}: {criterion.difference(found.estimate.mean)}, {found.verdict}."
        for effect, found in comparison.effects.items()
        if effect.is_interaction and found.estimate.excludes_zero
    ]
    caption = " ".join(["Mean over seeds (line) and their range (band).", *said[:4]])
    return ReportFigure("factors", f"{factorial.line} by {factorial.x}", caption, figure)


def _axis_label(criterion: Criterion) -> str:
    return f"{criterion.label} (%)" if criterion.unit else criterion.label


PLOTS = (forest, factorial_plot, strip, curves, tuning_plot, layers)  # in the order of the page
