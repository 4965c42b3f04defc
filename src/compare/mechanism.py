"""Why networks stall: the gradient that reaches each layer, and the units that pass none on.

After Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010.
"""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from src.compare.comparison import Comparison
from src.compare.drawing import LIGHT, STYLES, Drawing, clip, legend, log_if_wide, new_figure
from src.compare.panels import Panel, find_panels
from src.compare.variants import Variant

FIRST, LAST = 0, -1
GRADIENT, SHARE = ("grad_norm",), ("saturated", "dead")
SCALE = {GRADIENT: 1, SHARE: 100}
LABEL = {GRADIENT: "gradient norm", SHARE: "saturated or dead units (%)"}


def mechanism(comparison: Comparison) -> Drawing | None:
    """Gradient norm and saturated or dead units by layer; None where none was recorded."""
    panels, left_out = find_panels(comparison)
    variants = [variant for panel in panels for variant in panel.lines.values()]
    kinds = [kind for kind in (GRADIENT, SHARE) if any(by_layer(v, kind, LAST) for v in variants)]
    if not kinds:
        return None
    figure, axes = new_figure(len(kinds), len(panels), height=0.8 + 2.1 * len(kinds))
    for kind, row in zip(kinds, axes, strict=True):
        drawn = [
            value
            for axis, panel in zip(row, panels, strict=True)
            for value in _draw(axis, panel, kind)
        ]
        row[0].set_ylabel(LABEL[kind])
        if kind is GRADIENT:
            log_if_wide(row[0], drawn)
    for top, bottom, panel in zip(axes[0], axes[-1], panels, strict=True):
        top.set_title(clip(panel.title, 80 // len(panels)))
        bottom.set_xlabel("layer")
    legend(figure, axes.flat)
    caption = (
        "Median over seeds in the first epoch (hollow, thin) and in the last (filled). Layers are "
        "counted from the input; sigmoid and tanh units saturate, ReLU units die. "
        f"{_vanishing(panels[-1])} {left_out}"
    )
    return Drawing("layers", "Why: gradients and units by layer", caption.strip(), figure)


def by_layer(variant: Variant, kinds: Iterable[str], epoch: int) -> dict[int, float]:
    """Layer -> median over the usable runs of what was recorded as one of `kinds`."""
    found: dict[int, list[float]] = {}
    for run in variant.usable.values():
        for name, value in run.epochs[epoch].diagnostics.items():
            kind, _, layer = name.rpartition("/")
            if kind in kinds:
                found.setdefault(int(layer), []).append(value)
    return {layer: float(np.median(values)) for layer, values in sorted(found.items())}


def _draw(axis: Axes, panel: Panel, kind: tuple[str, ...]) -> list[float]:
    drawn = []
    for style, variant in panel.lines.items():
        color, marker, dashes = STYLES[style]
        for epoch, face, width in ((FIRST, "paper", 0.8), (LAST, color, 1.5)):
            layers = by_layer(variant, kind, epoch)
            values = [SCALE[kind] * value for value in layers.values()]
            look = {"linestyle": dashes, "linewidth": width, "markerfacecolor": LIGHT[face]}
            name = panel.labels[style] if epoch == LAST else None
            axis.plot(list(layers), values, marker, color=LIGHT[color], label=name, **look)
            drawn += values
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    return drawn


def _vanishing(panel: Panel) -> str:
    """How much of the gradient at the output reaches the first layer, for each line of a panel."""
    said = []
    for style, variant in panel.lines.items():
        norms = list(by_layer(variant, GRADIENT, FIRST).values())
        if len(norms) > 1 and norms[-1] > 0:
            said.append(f"{norms[0] / norms[-1]:.2g} for {panel.labels[style]}")
    if not said:
        return ""
    where = f"At {panel.title} the" if panel.title else "The"
    ratio = "gradient norm of layer 1 over that of the last layer, in the first epoch"
    return f"{where} {ratio}: {', '.join(said)}."
