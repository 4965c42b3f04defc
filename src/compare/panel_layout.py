"""Panel layout: variants that share axes, one panel for each level of a factor or a single one."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.compare.comparison import Comparison
from src.compare.factorial import Factorial
from src.compare.figure_style import STYLES
from src.compare.variants import Variant

MAX_PANELS = 6  # side by side and still readable


@dataclass(frozen=True)
class Line:
    """A variant as a line; a style means the same in every panel."""

    variant: Variant
    label: str
    style: int


@dataclass(frozen=True)
class Panel:
    """Lines on the same axes."""

    title: str
    lines: list[Line]


def find_panels(comparison: Comparison) -> tuple[list[Panel], str]:
    """Lay out the variants; return the panels and a sentence on the variants without room."""
    factorial = comparison.factorial
    if factorial and len(factorial.xs) <= MAX_PANELS and len(factorial.lines) <= len(STYLES):
        return [_level_panel(factorial, x) for x in factorial.xs], ""
    variants, baseline = comparison.variants, comparison.baseline
    if len(variants) <= len(STYLES):
        return [_panel(variants)], ""
    others = [variant for variant in comparison.ranked if variant is not baseline]
    best = others[: len(STYLES) - 1]
    left_out = f"Drawn are the baseline and the {len(best)} best of {len(variants)} variants."
    return [_panel([baseline, *best])], left_out


def _level_panel(factorial: Factorial, x: str) -> Panel:
    lines = [
        Line(factorial.cells[x, level], f"{factorial.line}={level}", style)
        for style, level in enumerate(factorial.lines)
        if (x, level) in factorial.cells
    ]
    return Panel(f"{factorial.x}={x}", lines)


def _panel(variants: Sequence[Variant]) -> Panel:
    return Panel("", [Line(variant, variant.label, at) for at, variant in enumerate(variants)])
