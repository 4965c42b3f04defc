"""Factorial designs: main effects and interactions as contrasts, and two factors as a figure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import prod

from src.compare.contrasts import Weights
from src.compare.variants import Variant

MAX_EFFECTS = 60  # more than anybody reads


class Kind(StrEnum):
    """The kind of an effect in a factorial design."""

    MAIN = "main effect"
    INTERACTION = "interaction"


@dataclass(frozen=True, eq=False)
class Effect:
    """A factor's effect, averaged over all else, or how another factor changes it."""

    kind: Kind
    label: str
    factors: tuple[str, ...]
    weights: Weights


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
    factors = {factor: _levels(variants, factor) for factor in _factors(variants)}
    cells = {tuple(variant.levels.get(factor) for factor in factors) for variant in variants}
    sizes = [len(levels) for levels in factors.values()]
    if len(factors) < 2 or min(sizes) < 2 or not len(cells) == len(variants) == prod(sizes):
        return []
    others = {f: [lv for lv in levels if lv != baseline.levels[f]] for f, levels in factors.items()}
    effects = [
        *_main_effects(variants, baseline, others),
        *_interactions(variants, baseline, others),
    ]
    return effects[:MAX_EFFECTS]


def _main_effects(
    variants: Sequence[Variant], baseline: Variant, others: Mapping[str, Sequence[str]]
) -> Iterator[Effect]:
    for factor, levels in others.items():
        rest = " and ".join(other for other in others if other != factor)
        for level in levels:
            weights = _mean(variants, {factor: (level, baseline.levels[factor])})
            label = f"{factor}={level} against {baseline.levels[factor]}, mean over {rest}"
            yield Effect(Kind.MAIN, label, (factor,), weights)


def _interactions(
    variants: Sequence[Variant], baseline: Variant, others: Mapping[str, Sequence[str]]
) -> Iterator[Effect]:
    for first, second in combinations(others, 2):
        for level in others[first]:
            for at in others[second]:
                ends = {f: (lv, baseline.levels[f]) for f, lv in ((first, level), (second, at))}
                label = (
                    f"{first}={level} against {ends[first][1]}: at {second}={at} "
                    f"instead of {ends[second][1]}"
                )
                yield Effect(Kind.INTERACTION, label, (first, second), _mean(variants, ends))


def _mean(variants: Sequence[Variant], ends: Mapping[str, tuple[str, str]]) -> Weights:
    """Return the difference between the two ends of each factor, averaged over all others."""
    weights = {}
    for variant in variants:
        at = [
            pair.index(variant.levels[f]) for f, pair in ends.items() if variant.levels[f] in pair
        ]
        if len(at) == len(ends):
            weights[variant] = (-1.0) ** sum(at)
    cells = len(weights) / 2 ** len(ends)
    return {variant: weight / cells for variant, weight in weights.items()}


def find_factorial(variants: Sequence[Variant]) -> Factorial | None:
    """Cross the two factors of the variants.

    None where there are not two, or a variant lacks one, or a line would have a single point. The
    axis is the factor whose levels are numbers; of two such, or none, the one with more.
    """
    factors = _factors(variants)
    if len(factors) != 2 or any(len(variant.levels) != 2 for variant in variants):
        return None
    levels = {factor: _levels(variants, factor) for factor in factors}
    line, x = sorted(factors, key=lambda f: (all(map(_is_number, levels[f])), len(levels[f])))
    cells = {(variant.levels[x], variant.levels[line]): variant for variant in variants}
    points = Counter(level for _, level in cells)
    is_crossed = min(len(levels[line]), *points.values()) > 1
    return Factorial(x, line, levels[x], levels[line], cells) if is_crossed else None


def _factors(variants: Iterable[Variant]) -> list[str]:
    return list(dict.fromkeys(factor for variant in variants for factor in variant.levels))


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
