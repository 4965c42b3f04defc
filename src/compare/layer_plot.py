"""Layer plot: the gradient that reaches each layer, and its saturated or dead units.

After Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010.
"""

from collections.abc import Collection
from itertools import chain

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
from src.compare.panel_layout import Panel, find_panels
from src.compare.variants import Variant

FIRST, LAST = 0, -1  # epochs
GRADIENT, SHARE = ("grad_norm",), ("saturated", "dead")
ROWS = {GRADIENT: ("gradient norm", 1), SHARE: ("saturated or dead units (%)", 100)}


def layer_plot(comparison: Comparison) -> ReportFigure | None:
    """Draw gradient norm and saturated or dead units by layer; None if none was recorded."""
    panels, left_out = find_panels(comparison)
    variants = [line.variant for panel in panels for line in panel.lines]
    rows = [kinds for kinds in ROWS if any(_by_layer(v, kinds, LAST) for v in variants)]
    if not rows:
        return None
    figure, axes = new_figure(len(rows), len(panels), height=0.8 + 2.1 * len(rows))
    for kinds, row in zip(rows, axes, strict=True):
        for axis, panel in zip(row, panels, strict=True):
            _draw(axis, panel, kinds)
        row[0].set_ylabel(ROWS[kinds][0])
        if kinds is GRADIENT:
            log_if_wide(row)
    for top, bottom, panel in zip(axes[0], axes[-1], panels, strict=True):
        top.set_title(clip(panel.title, 80 // len(panels)))
        bottom.set_xlabel("layer")
    legend(figure, chain(*axes))
    caption = (
        "Median over seeds in the first epoch (hollow, thin) and in the last (filled). Layers are "
        "counted from the input; sigmoid and tanh units saturate, ReLU units die. "
        f"{_gradient_ratios(panels[-1])} {left_out}"
    )
    return ReportFigure("layers", "Why: gradients and units by layer", caption.strip(), figure)


def _by_layer(variant: Variant, kinds: Collection[str], epoch: int) -> dict[int, float]:
    """Return layer -> median over the usable runs of the diagnostics of these kinds."""
    found: dict[int, list[float]] = {}
    for run in variant.usable.values():
        for name, value in run.epochs[epoch].others.items():
            kind, _, layer = name.rpartition("/")
            if kind in kinds:
                found.setdefault(int(layer), []).append(value)
    return {layer: float(np.median(values)) for layer, values in sorted(found.items())}


def _draw(axis: Axes, panel: Panel, kinds: tuple[str, ...]) -> None:
    for line in panel.lines:
        color, marker, dashes = STYLES[line.style]
        for epoch, face, width in ((FIRST, "paper", 0.8), (LAST, color, 1.5)):
            layers = _by_layer(line.variant, kinds, epoch)
            values = [ROWS[kinds][1] * value for value in layers.values()]
            (drawn_line,) = axis.plot([*layers], values, marker, color=LIGHT[color])
            drawn_line.set(linestyle=dashes, linewidth=width, markerfacecolor=LIGHT[face])
        drawn_line.set_label(line.label)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def _gradient_ratios(panel: Panel) -> str:
    """Describe the share of the output's gradient that reaches the first layer, for each line."""
    ratios = []
    for line in panel.lines:
        norms = [*_by_layer(line.variant, GRADIENT, FIRST).values()]
        if len(norms) > 1 and norms[-1] > 0:
            ratios.append(f"{norms[0] / norms[-1]:.2g} for {line.label}")
    if not ratios:
        return ""
    start = f"At {panel.title} the" if panel.title else "The"
    ratio = "gradient norm of layer 1 over that of the last layer, in the first epoch"
    return f"{start} {ratio}: {', '.join(ratios)}."
