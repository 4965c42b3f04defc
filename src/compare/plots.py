"""The figures of a comparison, each with a caption that says what is seen."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare.comparison import Comparison
from src.compare.drawing import (
    LIGHT,
    RC,
    STYLES,
    Drawing,
    band,
    clip,
    legend,
    log_if_wide,
    new_figure,
)
from src.compare.mechanism import mechanism
from src.compare.pairs import Pair
from src.compare.panels import find_panels
from src.compare.units import MINUS, count, interval, percent, points
from src.compare.variants import Variant

ROWS, LABEL = 30, 40  # the most rows, and characters of their labels, that leave room to read
MARKS = {  # verdict -> colour, marker, filled
    "better": ("blue", "v", True),
    "worse": ("vermillion", "^", True),
    "equivalent": ("green", "s", True),
    "undecided": ("grey", "o", False),
}


def draw(comparison: Comparison) -> list[Drawing]:
    """Every figure that the runs allow."""
    with matplotlib.rc_context(RC):
        drawn = [figure(comparison) for figure in (curves, forest, strip, crossed, mechanism)]
    return [drawing for drawing in drawn if drawing]


def curves(comparison: Comparison) -> Drawing:
    """Validation error by epoch: mean and range over the seeds."""
    panels, left_out = find_panels(comparison)
    figure, axes = new_figure(1, len(panels), height=3.2)
    drawn = []
    for axis, panel in zip(axes[0], panels, strict=True):
        for style, variant in panel.lines.items():
            if variant.usable:
                epochs, errors = _by_epoch(variant)
                marks = max(1, len(epochs) // 8)
                band(axis, epochs, errors, style, panel.labels[style], marks)
                drawn.extend(errors[0])
        axis.set(title=clip(panel.title, 80 // len(panels)), xlabel="epoch")
        ticks = 4 if len(panels) > 2 else 9
        axis.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    log_if_wide(axes[0][0], drawn)
    axes[0][0].set_ylabel("validation error (%)")
    legend(figure, axes.flat)
    caption = "Mean over the seeds still training (line) and their range (band)."
    return Drawing("curves", "Validation error by epoch", f"{caption} {left_out}".strip(), figure)


def forest(comparison: Comparison) -> Drawing | None:
    """Paired differences with their intervals, the zero line and the margin."""
    pairs = comparison.pairs if len(comparison.pairs) <= 6 else comparison.with_baseline
    shown = sorted(pairs, key=lambda pair: np.nan_to_num(pair.effect.mean, nan=np.inf))[:ROWS]
    if not shown:
        return None
    one_baseline = len(shown) > 1 and all(pair.b is comparison.baseline for pair in shown)
    ends = [(clip(pair.a.label, LABEL), clip(pair.b.label, LABEL)) for pair in shown]
    labels = [a if one_baseline else f"{a}\n{MINUS} {b}" for a, b in ends]
    figure, axis = _rows(labels, height=0.3 if one_baseline else 0.42)
    margin = 100 * comparison.margin
    axis.axvspan(-margin, margin, color=LIGHT["grey"], alpha=0.2, linewidth=0)
    axis.axvline(0, color=LIGHT["ink"], linewidth=0.8)
    for row, pair in enumerate(shown):
        _forest_row(axis, row, pair)
    minus = f" {MINUS} {ends[0][1]}" if one_baseline else ""
    axis.set_xlabel(f"best validation error{minus}, difference in percentage points")
    title = (
        f"Paired differences from {comparison.baseline.label}" if minus else "Paired differences"
    )
    return Drawing("differences", title, _forest_caption(comparison, shown, len(pairs)), figure)


def strip(comparison: Comparison) -> Drawing:
    """Each seed's best validation error, one row a variant."""
    usable = [variant for variant in comparison.variants if variant.usable]
    shown = sorted(usable, key=lambda variant: variant.mean)[:ROWS]
    height = 0.27 if len(shown) > 2 else 0.5
    figure, axis = _rows([clip(variant.label, LABEL) for variant in shown], height)
    if len(shown) == 2:
        _join_seeds(axis, *shown)
    for row, variant in enumerate(shown):
        errors = 100 * np.array(list(variant.best.values()))
        axis.plot(errors, np.full(len(errors), row), "o", color=LIGHT["blue"], alpha=0.55, mew=0)
        if len(errors) > 1:
            axis.plot(100 * variant.mean, row, "|", color=LIGHT["ink"], markersize=15, mew=1.8)
    axis.grid(axis="x")
    axis.set_xlabel("best validation error (%)")
    caption = "Best validation error of each seed (dots) and the mean (bar), lowest mean first."
    if len(shown) == 2:
        caption += " A line joins the two runs of a seed."
    if len(usable) > ROWS:
        caption += f" Drawn are the {ROWS} lowest of {len(usable)} variants."
    return Drawing("seeds", "Every seed", caption, figure)


def crossed(comparison: Comparison) -> Drawing | None:
    """Error against one factor, a line for each level of the other."""
    grid = comparison.grid
    if grid is None or len(grid.lines) > len(STYLES):
        return None
    figure, ((axis,),) = new_figure(1, 1, height=3.2)
    drawn = []
    for style, line in enumerate(grid.lines):
        cells = [(at, grid.cells.get((x, line))) for at, x in enumerate(grid.xs)]
        best = {at: list(cell.best.values()) for at, cell in cells if cell and cell.usable}
        errors = [[of(found) for found in best.values()] for of in (np.mean, np.min, np.max)]
        band(axis, list(best), errors, style, f"{grid.line}={line}", marks=1)
        drawn.extend(errors[0])
    log_if_wide(axis, drawn)
    axis.set_xticks(range(len(grid.xs)), grid.xs)
    axis.set(xlabel=clip(grid.x, LABEL), ylabel="best validation error (%)")
    legend(figure, [axis])
    caption = "Mean over seeds (line) and their range (band). "
    caption += " ".join(interactions_in_words(comparison))
    return Drawing("factors", f"{grid.line} by {grid.x}", caption.strip(), figure)


def interactions_in_words(comparison: Comparison) -> list[str]:
    """One sentence for each interaction of the two factors."""
    grid, said = comparison.grid, []
    for found in comparison.interactions:
        effect, gap = found.effect, f"{found.level} {MINUS} {found.reference}"
        certain = ""
        if effect.n > 1:
            known = "excludes" if effect.excludes_zero else "contains"
            certain = f" (95 % interval {interval(effect.low, effect.high)}, which {known} 0)"
        said.append(
            f"From {grid.x}={grid.xs[0]} to {grid.xs[-1]} the gap {gap} changes by "
            f"{points(effect.mean)} points{certain}, n = {count(effect.n, 'seed')}."
        )
    return said


def _by_epoch(variant: Variant) -> tuple[np.ndarray, list[np.ndarray]]:
    """Epochs, and their mean, lowest and highest validation error over the runs that have them."""
    runs = list(variant.usable.values())
    errors = np.full((len(runs), max(len(run.epochs) for run in runs)), np.nan)
    for row, run in zip(errors, runs, strict=True):
        row[: len(run.epochs)] = [epoch.val_error for epoch in run.epochs]
    summaries = [of(errors, axis=0) for of in (np.nanmean, np.nanmin, np.nanmax)]
    return np.arange(1, errors.shape[1] + 1), summaries


def _rows(labels: list[str], height: float) -> tuple:
    """A figure whose rows are named at the left, the first on top; height in inches a row."""
    figure, ((axis,),) = new_figure(1, 1, height=0.75 + height * len(labels))
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    return figure, axis


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


def _forest_caption(comparison: Comparison, shown: list[Pair], of: int) -> str:
    few = max(pair.effect.n for pair in shown) < 2
    what = "The difference" if few else "Difference of each seed (dots), mean and 95 % interval"
    margin = f"the grey band is the margin of ±{percent(comparison.margin)} points"
    left_out = f" Drawn are the {len(shown)} lowest of {of}." if len(shown) < of else ""
    return f"{what}; left of 0 the first has the lower error, {margin}.{left_out}"


def _join_seeds(axis: Axes, first: Variant, second: Variant) -> None:
    for seed in first.best.keys() & second.best.keys():
        errors = [100 * first.best[seed], 100 * second.best[seed]]
        axis.plot(errors, [0, 1], color=LIGHT["grey"], linewidth=0.7, alpha=0.6)
