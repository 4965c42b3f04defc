"""Tell how many seeds a comparison needs: `python -m src.power [RUN_ID] [key=value …]`.

Of a sweep, the last one without RUN_ID, and each listed pair: the spread of the differences, and
the seeds with which the sweep's own test finds a difference of the margin, or shows that there is
none, in 80 % of comparisons. `margin=0.2` is another margin than the sweep's, in its unit.

Before any sweep: `python -m src.power spread=0.12 [variants=2] [margin=0.1]`, where spread is the
standard deviation, in percentage points, of differences paired by seed.
"""

from collections.abc import Sequence

from rich.console import Console

from src import command_line
from src.compare import Comparison, power, terminal
from src.compare.answer import Result
from src.compare.columns import Column
from src.compare.contrasts import Verdict
from src.compare.formatting import count
from src.compare.pairs import Pair
from src.compare.power import SIZES, level_of_look, seeds_needed, upper_spread
from src.compare.stats import sd
from src.config import resolved
from src.errors import InputError

KEYS = ("spread", "variants", "margin")


def main(arguments: Sequence[str]) -> None:
    """Print the seeds that a sweep, or a plan, needs."""
    words = command_line.parse(arguments, KEYS)
    if len(words.files) > 1:
        raise InputError(f"{words.files[1]}: must be left out: a sweep at a time")
    numbers = {key: _positive(key, value) for key in KEYS if (value := words.value(key))}
    if "spread" in numbers:
        if words.files:
            raise InputError(f"{words.files[0]}: must be left out: spread=… plans without a sweep")
        margin = numbers.get("margin", resolved.settings([])["compare"]["margin"])
        arms = int(numbers.get("variants", 2))
        print(f"{arms} variants, margin {margin:g}, spread {numbers['spread']:g}:")
        print(seeds_needed(numbers["spread"] / margin, arms))
    elif "variants" in numbers:
        raise InputError("variants=…: must go with spread=…; a sweep has its own")
    else:
        from src.answers.recorded_jobs import conclude_again
        from src.tracking.run_source import RunSource

        source = RunSource(words.tracking)
        sweep = source.sweep(words.files[0] if words.files else None)
        found = conclude_again(source, sweep, numbers.get("margin")).result
        print_needed(found, sweep.tags.get("command", ""))


def print_needed(result: Result, command: str) -> None:
    """Print the seeds that each listed pair needs. Raises InputError where there is no pair."""
    if not isinstance(result, Comparison) or not result.pairs:
        raise InputError("the sweep has no two variants to tell apart; spread=X plans one that has")
    scale, comparison = result.criterion.metric.scale, result
    if comparison.margin == 0:
        raise InputError("compare.margin=0: must be above 0; margin=X is another one")
    console = Console()
    pairs = [pair for pair in comparison.listed_pairs if upper_spread(pair) > 0]
    if pairs:
        console.print(terminal.fitted(_columns(comparison), pairs, console.width))
    unit = comparison.criterion.unit
    print(
        f"margin {scale * comparison.margin:g}{unit}, {count(comparison.seeds, 'seed')} until now"
    )
    print(power.advice(comparison, command) or _without_advice(comparison))


def _without_advice(comparison: Comparison) -> str:
    undecided = [p for p in comparison.listed_pairs if p.verdict is Verdict.UNDECIDED]
    if not undecided:
        return "Nothing is undecided."
    return (
        f"{count(len(undecided), 'pair')} undecided, of runs that diverged or failed, or of too "
        "few seeds to tell a spread: no number of seeds can be told."
    )


def _columns(comparison: Comparison) -> Sequence[Column[Pair]]:
    scale, level = comparison.criterion.metric.scale, level_of_look(comparison)

    def needed(pair: Pair) -> Sequence[str]:
        spread = upper_spread(pair) / comparison.margin
        found = seeds_needed(spread, len(comparison.variants), level)
        return [f"> {SIZES[-1]}" if n is None else str(n) for n in found]

    return (
        Column("a", lambda pair: terminal.levels(pair.a), is_words=True),
        Column("b", lambda pair: terminal.levels(pair.b), is_words=True),
        Column("n", lambda pair: str(pair.estimate.n)),
        Column("spread", lambda pair: f"{scale * sd(pair.differences.tolist()):.2f}", rank=1),
        Column("its upper limit", lambda pair: f"{scale * upper_spread(pair):.2f}", rank=2),
        Column("seeds for a difference", lambda pair: needed(pair)[0]),
        Column("seeds for equivalence", lambda pair: needed(pair)[1]),
    )


def _positive(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    is_count = key == "variants"
    if not 0 < number < float("inf") or (is_count and not (number >= 2 and number.is_integer())):
        allowed = "an integer of at least 2" if is_count else "a number above 0"
        raise InputError(f"{key}={value}: must be {allowed}")
    return number


if __name__ == "__main__":
    command_line.run(main, __doc__)
