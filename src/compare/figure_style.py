"""Style of the figures: palette, lines with bands, axes, and export to PNG and SVG.

Colours after Okabe and Ito, "Color universal design" (2008); no line is told by colour alone.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TypeVar

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike

from src.messages.error_text import clip

COLORS = {  # name -> (on light, on dark); figures are drawn for light, the page swaps them
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#1d2129", "#e4e7ec"),
    "faint": ("#c9ced6", "#3c434e"),
    "blue": ("#0072b2", "#5aaee8"),
    "vermillion": ("#d55e00", "#f58a4b"),
    "green": ("#009e73", "#3ccb9f"),
    "purple": ("#b5578f", "#e29cc7"),
    "orange": ("#c98a00", "#f2bd4e"),
    "sky": ("#3f9fd8", "#9bd4f7"),
    "grey": ("#6d7480", "#a5adba"),
}
LIGHT = {name: light for name, (light, _) in COLORS.items()}
LineStyle = str | tuple[int, tuple[int, ...]]
STYLES: Sequence[tuple[str, str, LineStyle]] = [  # colour, marker, dashes
    ("blue", "o", "-"),
    ("vermillion", "s", "--"),
    ("green", "^", "-."),
    ("purple", "D", ":"),
    ("orange", "v", (0, (5, 1, 1, 1, 1, 1))),
    ("sky", "P", (0, (8, 2))),
    ("grey", "X", (0, (1, 2))),
]
WIDTH = 6.6  # inches
RC: dict[RcKeyType, object] = {
    "axes.edgecolor": LIGHT["grey"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "font.size": 9,
    "grid.color": LIGHT["faint"],
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "fairsweep",
    "text.color": LIGHT["ink"],
    "text.parse_math": False,  # a level may contain a dollar sign
    "xtick.color": LIGHT["grey"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.color": LIGHT["grey"],
    "ytick.labelcolor": LIGHT["ink"],
}


@dataclass(frozen=True)
class ReportFigure:
    """A figure with its file's stem, title and caption."""

    name: str
    title: str
    caption: str
    figure: Figure

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG document."""
        buffer = io.StringIO()
        with matplotlib.rc_context(RC):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    def save(self, folder: Path) -> None:
        """Write the figure as PNG, SVG and PDF."""
        file = folder / self.name
        file.with_suffix(".svg").write_text(self.svg, "utf-8")
        with matplotlib.rc_context(RC):
            self.figure.savefig(file.with_suffix(".png"))
            self.figure.savefig(file.with_suffix(".pdf"), metadata={"CreationDate": None})

    @property
    def element(self) -> str:
        """An <svg> element whose colours are CSS variables, to follow the page's scheme."""
        text = self.svg[self.svg.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
        text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
        text = re.sub(r'<g id="\w+_\d+">', "<g>", text)
        for name, light in LIGHT.items():
            text = text.replace(light, f"var(--{name})")
        return text.replace("<svg", f'<svg role="img" aria-label="{escape(self.title)}"', 1)


Shown = TypeVar("Shown")


def draw(
    result: Shown, plots: Iterable[Callable[[Shown], ReportFigure | None]]
) -> list[ReportFigure]:
    """Draw the plots that a result allows."""
    with matplotlib.rc_context(RC):
        figures = [figure for plot in plots if (figure := plot(result))]
        for drawn in figures:  # laid out once here, not again for each kind of file
            drawn.figure.draw_without_rendering()
            drawn.figure.set_layout_engine(None)
    return figures


def new_figure(rows: int, columns: int, height: float) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of the page's width with rows of axes; height in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharey="row").tolist()


def new_row_figure(labels: Sequence[str], height: float) -> tuple[Figure, Axes]:
    """Return a figure with a label for each row, the first on top; height in inches a row."""
    figure, ((axis,),) = new_figure(1, 1, height=0.75 + height * len(labels))
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    return figure, axis


def band(
    axis: Axes,
    x: ArrayLike,
    errors: Sequence[ArrayLike],
    style: int,
    label: str,
    marks: int,
    scale: float = 100,
) -> None:
    """Draw a line of means in its band; `errors` are (mean, lowest, highest) by x, times `scale`.

    Every `marks`-th point has a marker.
    """
    color, marker, dashes = STYLES[style]
    mean, low, high = (scale * np.asarray(error) for error in errors)
    axis.fill_between(x, low, high, color=LIGHT[color], alpha=0.16, linewidth=0)
    axis.plot(
        x, mean, label=label, color=LIGHT[color], linestyle=dashes, marker=marker, markevery=marks
    )


def legend(figure: Figure, axes: Iterable[Axes]) -> None:
    """Draw one legend for all axes, above them."""
    handles: dict[str, Artist] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(clip(label, 80), handle)
    longest = max(map(len, handles), default=1)
    columns = max(1, min(len(handles), 92 // (longest + 8)))
    figure.legend(
        handles.values(), handles, loc="outside upper left", ncols=columns, handlelength=3.2
    )


def log_if_wide(axes: Sequence[Axes]) -> None:
    """Make the shared y axis logarithmic if positive lines span more than a factor of four."""
    lines = [np.asarray(line.get_ydata()) for axis in axes for line in axis.get_lines()]
    values = np.concatenate(lines) if lines else np.array([])
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0 or values.max() < 4 * values.min():
        return
    axes[0].set_yscale("log")
    label_log(axes[0].yaxis, values.max() < 1000 * values.min())


def label_log(axis: Axis, is_short: bool) -> None:
    """Label a logarithmic axis with plain numbers, a short one also between powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_short else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())
