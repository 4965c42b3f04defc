"""Factorial designs: main, simple and interaction effects, and two factors as a figure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from src.compare.contrasts import Weights
from src.compare.variants import Variant, factors_of

MAX_EFFECTS = 60  # more than anybody reads


@dataclass(frozen=True, eq=False)
class Effect:
    """A factor's effect, averaged over all else, or how another factor changes it."""

    label: str
    factors: tuple[str, ...]
    weights: Weights

    @property
    def is_interaction(self) -> bool:
        return len(self.factors) > 1

    @property
    def kind(self) -> str:
        return "interaction" if self.is_interaction else "main effect"


@dataclass(frozen=True)
class Factorial:
    """Variants of two factors by their levels; a cell that was not swept is absent."""

    x: str  # the factor along the axis
    line: str  # the factor whose levels are lines
    xs: list[str]
    lines: list[str]
    cells: Mapping[tuple[str, str], Variant]  # (level of x, level of line) -> variant


def find_effects(variants: Sequence[Variant], baseline: Variant) -> list[Effect]:
    """Return the effects of a design that crosses all levels of two or more factors, else none.

    Each level is held against the baseline's level of its factor.
    """
    levels = _crossed_levels(variants)
    if not levels:
        return []
    steps = {f: [(lv, o) for lv in levels[f] if lv != o] for f, o in baseline.levels.items()}
    effects = []
    for factors in (*combinations(levels, 1), *combinations(levels, 2)):
        for each in product(*(steps[factor] for factor in factors)):
            ends = dict(zip(factors, each, strict=True))
            effects.append(Effect(_label(ends, levels), factors, _mean(variants, ends)))
    return effects[:MAX_EFFECTS]


def simple_pairs(
    variants: Sequence[Variant], baseline: Variant
) -> list[tuple[Variant, Variant]] | None:
    """Pair each variant with those that differ in one factor and have the baseline's level there.

    These are the simple effects, such as ReLU against sigmoid at each depth, and with either each
    depth against the baseline's. None where not all levels of two or more factors are crossed.
    """
    if not _crossed_levels(variants):
        return None
    cells = {frozenset(variant.levels.items()): variant for variant in variants}
    pairs = []
    for factor, own in baseline.levels.items():
        for variant in variants:
            if variant.levels[factor] != own:
                other = cells[frozenset((dict(variant.levels) | {factor: own}).items())]
                pairs.append((variant, other))
    return pairs


def _crossed_levels(variants: Sequence[Variant]) -> dict[str, list[str]]:
    """Return the levels of each factor; {} unless all of two or more factors are crossed."""
    levels = {factor: _levels(variants, factor) for factor in factors_of(variants)}
    cells = {tuple(variant.levels.get(factor) for factor in levels) for variant in variants}
    sizes = [len(each) for each in levels.values()]
    if len(levels) < 2 or min(sizes) < 2 or not len(cells) == len(variants) == math.prod(sizes):
        return {}
    return levels if all(None not in cell for cell in cells) else {}


def _label(ends: Mapping[str, tuple[str, str]], factors: Iterable[str]) -> str:
    (factor, (level, own)), *others = ends.items()
    start = f"{factor}={level} against {own}"
    for second, (at, instead) in others:
        return f"{start}: at {second}={at} instead of {instead}"
    return f"{start}, mean over {' and '.join(each for each in factors if each != factor)}"


def _mean(variants: Sequence[Variant], ends: Mapping[str, tuple[str, str]]) -> Weights:
    """Return the difference between the two ends of each factor, averaged over all others."""
    weights = {}
    for variant in variants:
        sides = [(variant.levels[factor], both) for factor, both in ends.items()]
        if all(level in both for level, both in sides):
            weights[variant] = math.prod(1.0 - 2 * both.index(level) for level, both in sides)
    cells = len(weights) / 2 ** len(ends)
    return {variant: weight / cells for variant, weight in weights.items()}


def find_factorial(variants: Sequence[Variant]) -> Factorial | None:
    """Cross the two factors of the variants.

    None where there are not two, or a variant lacks one, or a line would have a single point. The
    axis is the factor whose levels are numbers; of two such, or none, the one with more.
    """
    levels = {factor: _levels(variants, factor) for factor in factors_of(variants)}
    if len(levels) != 2 or any(len(variant.levels) != 2 for variant in variants):
        return None
    line, x = sorted(levels, key=lambda f: (all(map(_is_number, levels[f])), len(levels[f])))
    cells = {(variant.levels[x], variant.levels[line]): variant for variant in variants}
    points = Counter(level for _, level in cells)
    is_crossed = min(len(levels[line]), *points.values()) > 1
    return Factorial(x, line, levels[x], levels[line], cells) if is_crossed else None


def _levels(variants: Iterable[Variant], factor: str) -> list[str]:
    """Return the levels of a factor: in numeric order if all are numbers, else as they came."""
    levels = list(dict.fromkeys(v.levels[factor] for v in variants if factor in v.levels))
    return sorted(levels, key=float) if all(map(_is_number, levels)) else levels


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
