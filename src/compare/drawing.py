"""What the figures share: a drawing that becomes PNG or SVG, its palette, and lines with bands.

Colours after Okabe and Ito, "Color universal design" (2008); no line is told by colour alone.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

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
STYLES = [
    ("blue", "o", "-"),
    ("vermillion", "s", "--"),
    ("green", "^", "-."),
    ("purple", "D", ":"),
    ("orange", "v", (0, (5, 1, 1, 1, 1, 1))),
    ("sky", "P", (0, (8, 2))),
    ("grey", "X", (0, (1, 2))),
]
WIDTH = 6.6  # inches
RC = {
    "axes.edgecolor": LIGHT["grey"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.facecolor": LIGHT["paper"],
    "axes.facecolor": "none",
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
class Drawing:
    """A figure, its file's stem, and the words that go with it."""

    name: str
    title: str
    caption: str
    figure: Figure

    def save(self, folder: Path) -> None:
        with matplotlib.rc_context(RC):
            self.figure.savefig(folder / f"{self.name}.png")

    def svg(self) -> str:
        """An <svg> element whose colours are the page's CSS variables, so it follows its scheme."""
        buffer = io.StringIO()
        with matplotlib.rc_context(RC):
            self.figure.savefig(buffer, format="svg", transparent=True)
        text = buffer.getvalue()
        text = re.sub(
            r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.S
        )
        text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
        text = re.sub(r'<g id="\w+_\d+">', "<g>", text)
        for name, (light, _) in COLORS.items():
            text = text.replace(light, f"var(--{name})")
        return text.replace("<svg", f'<svg role="img" aria-label="{escape(self.title)}"', 1)


def clip(label: str, most: int) -> str:
    """A label that leaves room for the axes; the tables have it whole."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def new_figure(rows: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    """A figure of the page's width with axes of shape (rows, columns); height in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharey="row")


def band(
    axis: Axes, x: Sequence, errors: Sequence[np.ndarray], style: int, label: str, marks: int
) -> None:
    """A line of means in its band; `errors` are (mean, lowest, highest), fractions of shape (x,).

    Every `marks`-th point has a marker.
    """
    color, marker, dashes = STYLES[style]
    mean, low, high = (100 * np.asarray(error) for error in errors)
    axis.fill_between(x, low, high, color=LIGHT[color], alpha=0.16, linewidth=0)
    line = {"color": LIGHT[color], "linestyle": dashes, "marker": marker, "markevery": marks}
    axis.plot(x, mean, label=label, **line)


def legend(figure: Figure, axes: Iterable[Axes]) -> None:
    """One legend for all axes, above them."""
    found = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(clip(label, 80), handle)
    longest = max(map(len, found), default=1)
    columns = max(1, min(len(found), 92 // (longest + 8)))
    figure.legend(found.values(), found, loc="outside upper left", ncols=columns, handlelength=3.2)


def log_if_wide(axis: Axes, values: Iterable[float]) -> None:
    """A logarithmic axis where the positive `values` span more than a factor of four."""
    values = np.fromiter(values, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0 or values.max() < 4 * values.min():
        return
    axis.set_yscale("log")
    subs = (1, 2, 5) if values.max() < 1000 * values.min() else (1,)
    axis.yaxis.set_major_locator(LogLocator(subs=subs))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())
