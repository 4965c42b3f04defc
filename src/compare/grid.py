"""Two crossed factors: the error along one, a line for each level of the other.

Their interaction is a difference of differences, paired by seed like everything else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from src.compare.stats import Estimate, estimate
from src.compare.variants import Variant, is_number, levels


@dataclass(frozen=True)
class Grid:
    """The variants of two factors by their levels; a cell that was not swept is absent."""

    x: str  # the factor along the axis
    line: str  # the factor whose levels are lines
    xs: list[str]
    lines: list[str]
    cells: Mapping[tuple[str, str], Variant]  # (level of x, level of line) -> variant


@dataclass(frozen=True)
class Interaction:
    """How much larger the gap between two lines is at the last level of x than at the first."""

    level: str
    reference: str
    effect: Estimate  # of (level - reference at the last x) - (the same at the first x)


def find_grid(variants: Sequence[Variant]) -> Grid | None:
    """Cross the two factors of the variants.

    None where there are not two, or a variant lacks one, or a line would have a single point. The
    axis is the factor whose levels are numbers; of two such, or none, the one with more.
    """
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    if len(factors) != 2 or any(len(variant.levels) != 2 for variant in variants):
        return None
    found = {factor: levels(variants, factor) for factor in factors}
    line, x = sorted(factors, key=lambda f: (all(map(is_number, found[f])), len(found[f])))
    cells = {(variant.levels[x], variant.levels[line]): variant for variant in variants}
    grid = Grid(x, line, found[x], found[line], cells)
    points = Counter(level for _, level in cells)
    return grid if min(len(grid.lines), *points.values()) > 1 else None


def find_interactions(grid: Grid, baseline: Variant) -> list[Interaction]:
    """One for each line but the baseline's; none where a corner of the grid is missing."""
    reference = baseline.levels[grid.line]
    found = []
    for level in grid.lines:
        corners = [
            grid.cells.get((x, at)) for x in (grid.xs[-1], grid.xs[0]) for at in (level, reference)
        ]
        if level != reference and all(corners):
            found.append(Interaction(level, reference, estimate(_difference_of_gaps(*corners))))
    return found


def _difference_of_gaps(*corners: Variant) -> np.ndarray:
    """(a - b) - (c - d) of the best validation errors, shape (seeds that all four finished,)."""
    seeds = sorted(set.intersection(*(set(corner.best) for corner in corners)))
    a, b, c, d = np.array([[corner.best[seed] for seed in seeds] for corner in corners])
    return (a - b) - (c - d)
