"""Spread of one variant over crossed seeds of split, initialisation and order, part by part.

Analysis of variance of a crossed design of random factors with one run a cell (Searle, Casella &
McCulloch 1992, "Variance Components"); intervals are generalized confidence intervals, by drawing
the mean squares' chi-squared laws (Weerahandi 1993; Burdick, Borror & Montgomery 2005).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from src.compare.columns import Column
from src.compare.criterion import is_usable, measured
from src.config.schema import SEED_KEYS, SEED_SOURCES
from src.config.variant import with_found_keys
from src.errors import InputError
from src.metrics import BEST_VAL_ERROR, TEST_ERROR, Run

if TYPE_CHECKING:
    from src.compare.figure_style import ReportFigure

FEW_LEVELS = 5  # with fewer an interval is too wide to tell anything
DRAWS, DRAWS_SEED = 20_000, 0
LEVEL = 0.95


@dataclass(frozen=True)
class Component:
    """The variance that one source, or several together, brings beyond its parts."""

    name: str  # of the sources, or 'rest'
    sources: tuple[str, ...]
    variance: float  # unbiased, and so below 0 at times
    low: float  # of the interval, at least 0
    high: float

    @property
    def sd(self) -> float:
        """The standard deviation; 0 where the estimate of the variance is negative."""
        return math.sqrt(max(self.variance, 0.0))


@dataclass(frozen=True)
class Spread:
    """The spread of runs that differ in seeds alone, and the parts that it consists of."""

    question: str
    measure: str  # the error that was measured, in words
    mean: float  # error, a fraction
    levels: dict[str, int]  # source: number of its seeds
    components: list[Component]

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        main = [part for part in self.components if len(part.sources) == 1]
        ranked = sorted(main, key=lambda part: -part.variance)
        said = ", ".join(f"{part.name} {_points(part)} ({_range(part)})" for part in ranked)
        rest = self.components[-1]
        few = [name for name, levels in self.levels.items() if levels < FEW_LEVELS]
        note = f"; {', '.join(few)}: {FEW_LEVELS} levels or more tell more" if few else ""
        return (
            f"The {self.measure} is {self.mean:.2%} on average; its standard deviation in points "
            f"by source, with 95 % intervals: {said}; the rest {_points(rest)} ({_range(rest)})"
            f"{note}."
        )

    @property
    def metrics(self) -> dict[str, float]:
        """The standard deviations by metric, as fractions."""
        names = ("_".join(part.sources).replace(" ", "_") for part in self.components)
        return {f"spread/{n}": p.sd for n, p in zip(names, self.components, strict=True)}


def _points(part: Component) -> str:
    return f"{100 * part.sd:.2f}"


def _range(part: Component) -> str:
    return f"{100 * part.low**0.5:.2f} to {100 * part.high**0.5:.2f}"


COLUMNS: Sequence[Column[Component]] = (
    Column("source", lambda row: row.name, {"source": lambda row: row.name}, is_words=True),
    Column(
        "sd in points", _points, {"variance": lambda row: row.variance, "sd": lambda row: row.sd}
    ),
    Column(
        "95 % interval",
        _range,
        {
            "variance_low": lambda row: row.low,
            "variance_high": lambda row: row.high,
            "low": lambda row: row.low**0.5,
            "high": lambda row: row.high**0.5,
        },
    ),
)


def spread_plot(spread: Spread) -> "ReportFigure":
    """Draw the standard deviation that each source brings, with its interval."""
    from src.compare import figure_style as style

    labels = [part.name for part in spread.components]
    figure, axis = style.new_row_figure(labels, height=0.3)
    for row, part in enumerate(spread.components):
        ends = [100 * part.low**0.5, 100 * part.high**0.5]
        axis.plot(ends, [row, row], color=style.LIGHT["blue"], solid_capstyle="butt")
        axis.plot(100 * part.sd, row, "o", color=style.LIGHT["blue"])
    axis.set_xlim(left=0)
    axis.set_xlabel(f"standard deviation of the {spread.measure} (points)")
    caption = "What each source brings to the spread (dot), with its 95 % interval."
    return style.ReportFigure("variance", "Where the spread comes from", caption, figure)


def varied_seeds(runs: Sequence[Run]) -> list[list[str]]:
    """Return the sources of a crossed design, if runs differ in two or more and in nothing else.

    Keys that change together, such as those that follow `seed`, are one source; of replicates,
    whose seeds all do, nothing is crossed.
    """
    configs = [run.config for run in with_found_keys(runs)]
    keys = {key for config in configs for key in config}
    levels = {key: [config.get(key) for config in configs] for key in keys}
    varied = {key for key in keys if len({*levels[key]}) > 1}
    if not varied <= {*SEED_KEYS}:
        return []
    sources: list[list[str]] = []
    for key in filter(varied.__contains__, SEED_KEYS):
        for source in sources:
            pairs = {*zip(levels[source[0]], levels[key], strict=True)}
            if len(pairs) == len({*levels[source[0]]}) == len({*levels[key]}):
                source.append(key)
                break
        else:
            sources.append([key])
    return sources if len(sources) > 1 else []


def find_spread(runs: Sequence[Run], question: str | None = None) -> Spread | None:
    """Return the spread of runs that differ in seeds alone; None for all others.

    The error is that on the test set where every run has one. Raises InputError where a cell of
    the crossed design has no run that finished.
    """
    sources = varied_seeds(runs)
    if not sources:
        return None
    keys = [source[0] for source in sources]
    levels = [sorted({int(run.config[key]) for run in runs}) for key in keys]
    cells = {tuple(int(run.config[key]) for key in keys): run for run in runs if is_usable(run)}
    shape = [len(values) for values in levels]
    if len(cells) < (needed := math.prod(shape)):
        raise InputError(
            f"{len(cells)} of {needed} runs of the crossed design finished; all are needed"
        )
    has_test = all(np.isfinite(run.test_error) for run in cells.values())
    tracked = TEST_ERROR if has_test else BEST_VAL_ERROR
    errors = np.array([measured(cells[seeds], tracked) for seeds in product(*levels)])
    grid = errors.reshape(shape)
    names = [" and ".join(SEED_SOURCES[key][0] for key in source) for source in sources]
    return Spread(
        question=question or "Where does the spread come from?",
        measure="test error at the selected epoch" if has_test else "best validation error",
        mean=float(grid.mean()),
        levels=dict(zip(names, shape, strict=True)),
        components=components(grid, names),
    )


def components(errors: NDArray[np.float64], sources: Sequence[str]) -> list[Component]:
    """Return the component of each source, of each combination, and last the rest.

    Args:
        errors: one run a cell, shape (levels of source 1, levels of source 2, …), two or more each.
        sources: the names of the axes.

    The interaction of all sources cannot be told from what no source explains, and is the rest.
    """
    axes = range(errors.ndim)
    groups = list(chain(*(combinations(axes, size) for size in range(1, errors.ndim + 1))))
    squares = {group: _sum_of_squares(errors, group) for group in groups}
    freedom = {group: math.prod(errors.shape[axis] - 1 for axis in group) for group in groups}
    draw = np.random.default_rng(DRAWS_SEED)
    drawn = {group: squares[group] / draw.chisquare(freedom[group], DRAWS) for group in groups}
    found = []
    for group in groups:
        runs = errors.size // math.prod(errors.shape[axis] for axis in group)
        above = [(g, (-1) ** (len(g) - len(group)) / runs) for g in groups if {*group} <= {*g}]
        variance = sum(sign * squares[g] / freedom[g] for g, sign in above)
        sample = np.maximum(sum(sign * drawn[g] for g, sign in above), 0.0)
        low, high = np.quantile(sample, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        names = tuple(sources[axis] for axis in group)
        name = "rest" if len(group) == errors.ndim else " x ".join(names)
        found.append(Component(name, names, float(variance), low, high))
    return found


def _sum_of_squares(errors: NDArray[np.float64], group: tuple[int, ...]) -> float:
    """Return the sum of squares of the effects of a group of axes, without those of its parts."""
    effect = errors.copy()
    for axis in range(errors.ndim):
        mean = effect.mean(axis=axis, keepdims=True)
        effect = effect - mean if axis in group else np.broadcast_to(mean, errors.shape)
    return float((effect**2).sum())
