"""Spread of one variant over crossed seeds of split, initialisation and order."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.compare.comparison import ComparisonError
from src.compare.variance import Component, components
from src.metrics import Run
from src.schema import SEED_KEYS

if TYPE_CHECKING:
    from rich.table import Table

SOURCES = {"data.split_seed": "split", "init_seed": "initialisation", "order_seed": "order"}
FEW_LEVELS = 5  # with fewer an interval is too wide to tell anything


@dataclass(frozen=True)
class Spread:
    """The spread of runs that differ in seeds alone, and the parts that it consists of."""

    measure: str  # what was measured, in words
    mean: float  # error, a fraction
    levels: dict[str, int]  # source: number of its seeds
    components: list[Component]

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        main = [part for part in self.components if len(part.sources) == 1]
        ranked = sorted(main, key=lambda part: -part.variance)
        said = ", ".join(f"{part.sources[0]} {_range(part)}" for part in ranked)
        few = [name for name, levels in self.levels.items() if levels < FEW_LEVELS]
        note = f"; {', '.join(few)}: {FEW_LEVELS} levels or more tell more" if few else ""
        return (
            f"The {self.measure} is {self.mean:.2%} on average; its standard deviation in points "
            f"by source, with 95 % intervals: {said}; the rest {_range(self.components[-1])}{note}."
        )

    @property
    def metrics(self) -> dict[str, float]:
        """The standard deviations by metric, as fractions."""
        return {f"spread/{'_'.join(part.sources)}": part.sd for part in self.components}


def _range(part: Component) -> str:
    low, high = 100 * part.low**0.5, 100 * part.high**0.5
    return f"{100 * part.sd:.2f} ({low:.2f} to {high:.2f})"


def varied_seeds(runs: Sequence[Run]) -> list[str]:
    """Return the keys of crossed seeds if runs differ in two or more of these and nothing else.

    Of replicates all of these follow `seed`, and nothing is crossed.
    """
    if all(run.config.get(key) == str(run.seed) for run in runs for key in SEED_KEYS):
        return []
    configs = [run.config for run in runs]
    keys = {key for config in configs for key in config}
    varied = [key for key in keys if len({config.get(key) for config in configs}) > 1]
    is_design = len(varied) > 1 and {*varied} <= {*SEED_KEYS}
    return [key for key in SEED_KEYS if key in varied] if is_design else []


def find_spread(runs: Sequence[Run]) -> Spread | None:
    """Return the spread of runs that differ in seeds alone; None for all others.

    The error is that on the test set where every run has one. Raises ComparisonError where a cell
    of the crossed design has no run that finished.
    """
    keys = varied_seeds(runs)
    if not keys:
        return None
    levels = {key: sorted({int(run.config[key]) for run in runs}) for key in keys}
    cells = {
        tuple(int(run.config[key]) for key in keys): run
        for run in runs
        if run.status == "FINISHED" and run.best and run.outcome != "diverged"
    }
    shape = [len(values) for values in levels.values()]
    if len(cells) < np.prod(shape):
        raise ComparisonError(
            f"{len(cells)} of {np.prod(shape)} runs of the crossed design finished; all are needed"
        )
    has_test = all(np.isfinite(run.test_error) for run in cells.values())
    grid = np.empty(shape)
    for place in np.ndindex(*shape):
        run = cells[tuple(levels[key][at] for key, at in zip(keys, place, strict=True))]
        assert run.best is not None
        grid[place] = run.test_error if has_test else run.best.val_error
    names = [SOURCES[key] for key in keys]
    measure = "test error at the selected epoch" if has_test else "best validation error"
    sizes = dict(zip(names, shape, strict=True))
    return Spread(measure, float(grid.mean()), sizes, components(grid, names))


def spread_table(spread: Spread) -> "Table":
    """Return the components as a table to print."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=f"standard deviation of the {spread.measure}, points")
    for heading, justify in (("source", "left"), ("estimate", "right"), ("95 % interval", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for part in spread.components:
        low, high = 100 * part.low**0.5, 100 * part.high**0.5
        table.add_row(_name(part, spread), f"{100 * part.sd:.2f}", f"{low:.2f} to {high:.2f}")
    return table


def _name(part: Component, spread: Spread) -> str:
    is_rest = len(part.sources) == len(spread.levels)
    return "rest" if is_rest else " x ".join(part.sources)


def write_spread(spread: Spread, path: Path) -> None:
    """Write the components as CSV: variances of an error that is a fraction."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "variance", "variance_low", "variance_high"])
        for part in spread.components:
            writer.writerow([_name(part, spread), part.variance, part.low, part.high])
