"""Figures of variants that share axes: curves by epoch, and diagnostics by layer.

One panel for each level of a factor, or a single one. The layers after Glorot and Bengio,
"Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare import figure_style as style
from src.compare.comparison import Comparison
from src.compare.figure_style import LIGHT, STYLES, ReportFigure
from src.compare.sign_flips import FloatArray
from src.compare.variants import Variant
from src.messages.error_text import clip
from src.metrics import DEAD, GRAD_NORM, SATURATED

MAX_PANELS = 6  # side by side and still readable
FIRST, LAST = 0, -1  # epochs
GRADIENT, SHARE = (GRAD_NORM,), (SATURATED, DEAD)  # kinds of diagnostics
ROWS = {GRADIENT: ("gradient norm", 1), SHARE: ("saturated or dead units (%)", 100)}


class Line(NamedTuple):
    """A variant as a line; a style means the same in every panel."""

    variant: Variant
    label: str
    style: int


class Panel(NamedTuple):
    """Lines on the same axes."""

    title: str
    lines: Sequence[Line]


def curves(comparison: Comparison) -> ReportFigure:
    """Draw validation error by epoch: mean and range over the seeds."""
    panels, left_out = _find_panels(comparison)
    figure, (axes,) = style.new_figure(1, len(panels), height=3.2)
    for axis, panel in zip(axes, panels, strict=True):
        for line in (line for line in panel.lines if line.variant.usable):
            errors = _by_epoch(line.variant)
            epochs = np.arange(1, len(errors[0]) + 1)
            marks = max(1, len(epochs) // 8)
            style.band(axis, epochs, errors, line.style, line.label, marks)
        axis.set(title=clip(panel.title, 80 // len(panels)), xlabel="epoch")
        ticks = 4 if len(panels) > 2 else 9
        axis.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    style.log_if_wide(axes)
    axes[0].set_ylabel("validation error (%)")
    style.legend(figure, axes)
    caption = f"Mean over the seeds still training (line) and their range (band). {left_out}"
    return ReportFigure("curves", "Validation error by epoch", caption.strip(), figure)


def layers(comparison: Comparison) -> ReportFigure | None:
    """Draw gradient norm and saturated or dead units by layer; None if none was recorded."""
    panels, left_out = _find_panels(comparison)
    variants = [line.variant for panel in panels for line in panel.lines]
    rows = [kinds for kinds in ROWS if any(_by_layer(v, kinds, LAST) for v in variants)]
    if not rows:
        return None
    figure, axes = style.new_figure(len(rows), len(panels), height=0.8 + 2.1 * len(rows))
    for kinds, row in zip(rows, axes, strict=True):
        for axis, panel in zip(row, panels, strict=True):
            _draw_layers(axis, panel, kinds)
        row[0].set_ylabel(ROWS[kinds][0])
        if kinds is GRADIENT:
            style.log_if_wide(row)
    for top, bottom, panel in zip(axes[0], axes[-1], panels, strict=True):
        top.set_title(clip(panel.title, 80 // len(panels)))
        bottom.set_xlabel("layer")
    style.legend(figure, chain(*axes))
    caption = (
        "Median over seeds in the first epoch (hollow, thin) and in the last (filled). Layers are "
        "counted from the input; sigmoid and tanh units saturate, ReLU units die. "
        f"{_gradient_ratios(panels[-1])} {left_out}"
    )
    return ReportFigure("layers", "Why: gradients and units by layer", caption.strip(), figure)


def _find_panels(comparison: Comparison) -> tuple[list[Panel], str]:
    """Lay out the variants; return the panels and a sentence on the variants without room."""
    design = comparison.factorial
    if design and len(design.xs) <= MAX_PANELS and len(design.lines) <= len(STYLES):
        panels = []
        for x in design.xs:
            cells = [(at, lv, design.cells.get((x, lv))) for at, lv in enumerate(design.lines)]
            lines = [Line(v, f"{design.line}={level}", at) for at, level, v in cells if v]
            panels.append(Panel(f"{design.x}={x}", lines))
        return panels, ""
    variants, left_out = comparison.variants, ""
    if len(variants) > len(STYLES):
        others = [variant for variant in comparison.ranked if variant is not comparison.baseline]
        best = others[: len(STYLES) - 1]
        left_out = f"Drawn are the baseline and the {len(best)} best of {len(variants)} variants."
        variants = [comparison.baseline, *best]
    return [Panel("", [Line(v, v.label, at) for at, v in enumerate(variants)])], left_out


def _by_epoch(variant: Variant) -> list[FloatArray]:
    """Return mean, lowest and highest validation error of the runs that reached each epoch."""
    runs = [*variant.usable.values()]
    errors = np.full((len(runs), max(len(run.epochs) for run in runs)), np.nan)
    for row, run in zip(errors, runs, strict=True):
        row[: len(run.epochs)] = [epoch.val_error for epoch in run.epochs]
    return [of(errors, axis=0) for of in (np.nanmean, np.nanmin, np.nanmax)]


def _by_layer(variant: Variant, kinds: Sequence[str], epoch: int) -> dict[int, float]:
    """Return layer -> median over the usable runs of the diagnostics of these kinds."""
    found: dict[int, list[float]] = {}
    for run in variant.usable.values():
        for name, value in run.epochs[epoch].others.items():
            kind, _, layer = name.rpartition("/")
            if kind in kinds:
                found.setdefault(int(layer), []).append(value)
    return {layer: float(np.median(values)) for layer, values in sorted(found.items())}


def _draw_layers(axis: Axes, panel: Panel, kinds: tuple[str, ...]) -> None:
    for line in panel.lines:
        color, marker, dashes = STYLES[line.style]
        for epoch, face, width in ((FIRST, "paper", 0.8), (LAST, color, 1.5)):
            by_layer = _by_layer(line.variant, kinds, epoch)
            values = [ROWS[kinds][1] * value for value in by_layer.values()]
            (drawn_line,) = axis.plot([*by_layer], values, marker, color=LIGHT[color])
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
