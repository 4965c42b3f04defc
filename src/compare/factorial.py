"""Factorial design of two factors: the error along one, a line for each level of the other.

Their interaction is a difference of differences, paired by seed like everything else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from src.compare.stats import Estimate, estimate
from src.compare.variants import Variant


@dataclass(frozen=True)
class Factorial:
    """Variants of two factors by their levels; a cell that was not swept is absent."""

    x: str  # the factor along the axis
    line: str  # the factor whose levels are lines
    xs: list[str]
    lines: list[str]
    cells: Mapping[tuple[str, str], Variant]  # (level of x, level of line) -> variant

    def interactions(self, reference: str) -> dict[str, Estimate]:
        """Estimate the change of each line's gap to a reference line from the first x to the last.

        A line is left out if one of its corners is absent.
        """
        ends, found = (self.xs[-1], self.xs[0]), {}
        for line in self.lines:
            corners = [self.cells.get((x, at)) for x in ends for at in (line, reference)]
            known = [corner for corner in corners if corner]
            if line != reference and len(known) == 4:
                found[line] = estimate(_gap_differences(*known))
        return found


def find_factorial(variants: Sequence[Variant]) -> Factorial | None:
    """Cross the two factors of the variants.

    None where there are not two, or a variant lacks one, or a line would have a single point. The
    axis is the factor whose levels are numbers; of two such, or none, the one with more.
    """
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    if len(factors) != 2 or any(len(variant.levels) != 2 for variant in variants):
        return None
    levels = {factor: _levels(variants, factor) for factor in factors}
    line, x = sorted(factors, key=lambda f: (all(map(_is_number, levels[f])), len(levels[f])))
    cells = {(variant.levels[x], variant.levels[line]): variant for variant in variants}
    points = Counter(level for _, level in cells)
    is_crossed = min(len(levels[line]), *points.values()) > 1
    return Factorial(x, line, levels[x], levels[line], cells) if is_crossed else None


def _gap_differences(a: Variant, b: Variant, c: Variant, d: Variant) -> list[float]:
    """Return (a - b) - (c - d) of the best validation errors, by the seeds that all finished."""
    first, second, third, fourth = (corner.best_errors for corner in (a, b, c, d))
    seeds = sorted(first.keys() & second.keys() & third.keys() & fourth.keys())
    return [(first[s] - second[s]) - (third[s] - fourth[s]) for s in seeds]


def _levels(variants: Iterable[Variant], factor: str) -> list[str]:
    """Return the levels of a factor: in numeric order if all are numbers, else as they came."""
    levels = list(dict.fromkeys(variant.levels[factor] for variant in variants))
    return sorted(levels, key=float) if all(map(_is_number, levels)) else levels


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
