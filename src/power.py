"""Tell how many seeds a comparison needs: `python -m src.power [RUN_ID] [key=value …]`.

Of a sweep, the last one without RUN_ID, and each listed pair: the spread of the differences, and
the seeds with which the sweep's own test finds a difference of the margin, or shows that there is
none, in 80 % of comparisons. `margin=0.2` is another margin than the sweep's, in its unit.

Before any sweep: `python -m src.power spread=0.12 [variants=2] [margin=0.1]`, where spread is the
standard deviation, in percentage points, of differences paired by seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from src import command_line, config
from src.errors import InputError

if TYPE_CHECKING:
    from src.compare import Comparison

KEYS = ("spread", "variants", "margin")


def main(arguments: Sequence[str]) -> None:
    """Print the seeds that a sweep, or a plan, needs."""
    names = [argument for argument in arguments if "=" not in argument]
    words = command_line.parse([a for a in arguments if "=" in a], KEYS)
    numbers = {key: _positive(key, value) for key in KEYS if (value := words.value(key))}
    if "spread" in numbers:
        from src.compare import power

        margin = numbers.get("margin", config.settings([])["compare"]["margin"])
        arms = int(numbers.get("variants", 2))
        print(f"{arms} variants, margin {margin:g}, spread {numbers['spread']:g}:")
        print(power.seeds_needed(numbers["spread"] / margin, arms))
    else:
        from src.inference.choice import reach
        from src.inference.runs import find_sweep
        from src.inference.verdict import compare_again

        source = reach(words.tracking)
        sweep = find_sweep(source, names[0] if names else "last")
        _tell_sweep(compare_again(source, sweep), sweep.tags.get("command", ""), numbers)


def _tell_sweep(comparison: "Comparison", command: str, numbers: Mapping[str, float]) -> None:
    from rich.console import Console
    from rich.table import Table

    from src.compare import power
    from src.compare.formatting import count
    from src.compare.stats import sd

    scale = comparison.criterion.metric.scale
    if "margin" in numbers:
        comparison = replace(comparison, margin=numbers["margin"] / scale)
    if not comparison.pairs or comparison.margin == 0:
        raise InputError("the sweep has no two variants to tell apart, or a margin of 0")
    table = Table(box=None)
    for heading in ("a", "b", "n", "spread", "at most", "seeds: difference", "equivalence"):
        table.add_column(heading, overflow="fold")
    for pair in comparison.listed_pairs:
        limit = power.upper_spread(pair)
        if limit > 0:
            needed = power.seeds_needed(limit / comparison.margin, len(comparison.variants))
            seeds = (f"> {power.SIZES[-1]}" if n is None else str(n) for n in needed)
            spread = sd(pair.differences.tolist())
            figures = (str(pair.estimate.n), f"{scale * spread:.2f}", f"{scale * limit:.2f}")
            table.add_row(pair.a.label, pair.b.label, *figures, *seeds)
    Console().print(table)
    unit = comparison.criterion.unit
    print(
        f"margin {scale * comparison.margin:g}{unit}, {count(comparison.seeds, 'seed')} until now"
    )
    print(power.advice(comparison, command) or "Nothing is undecided.")


def _positive(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf") or (key == "variants" and number < 2):
        allowed = "a number of at least 2" if key == "variants" else "a number above 0"
        raise InputError(f"{key}={value}: must be {allowed}")
    return number


if __name__ == "__main__":
    command_line.run(main, __doc__)
