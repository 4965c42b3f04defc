"""Which variants share axes: one panel for each level of a crossed factor, or a single one."""

from collections.abc import Mapping
from dataclasses import dataclass

from src.compare.comparison import Comparison
from src.compare.drawing import STYLES
from src.compare.grid import Grid
from src.compare.variants import Variant

MOST = 6  # panels side by side that can still be read


@dataclass(frozen=True)
class Panel:
    """Axes of lines, each with its style; a style means the same in every panel."""

    title: str
    lines: Mapping[int, Variant]  # style -> variant
    labels: Mapping[int, str]


def find_panels(comparison: Comparison) -> tuple[list[Panel], str]:
    """Lay out the variants, and say which of them are left out for want of room."""
    grid = comparison.grid
    if grid and len(grid.xs) <= MOST and len(grid.lines) <= len(STYLES):
        return [_column(grid, x) for x in grid.xs], ""
    variants = comparison.variants
    if len(variants) <= len(STYLES):
        return [_panel("", variants)], ""
    others = [v for v in variants if v is not comparison.baseline and v.usable]
    lowest = sorted(others, key=lambda variant: variant.mean)[: len(STYLES) - 1]
    left_out = f"Drawn are the baseline and the {len(lowest)} lowest of {len(variants)} variants."
    return [_panel("", [comparison.baseline, *lowest])], left_out


def _column(grid: Grid, x: str) -> Panel:
    lines = {at: grid.cells.get((x, line)) for at, line in enumerate(grid.lines)}
    labels = {at: f"{grid.line}={line}" for at, line in enumerate(grid.lines)}
    return Panel(f"{grid.x}={x}", {at: cell for at, cell in lines.items() if cell}, labels)


def _panel(title: str, variants: list[Variant]) -> Panel:
    return Panel(title, dict(enumerate(variants)), {at: v.label for at, v in enumerate(variants)})
