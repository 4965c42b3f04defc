"""Tables and answer of a comparison for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from src.compare import columns
from src.compare.answer import Result
from src.compare.caveats import caveats
from src.compare.columns import Column, Row
from src.compare.comparison import Comparison
from src.compare.plain_search import PlainSearch
from src.compare.power import advice
from src.compare.spread import COLUMNS, Spread
from src.compare.summary import sentence
from src.compare.variants import Variant, factors_of
from src.metrics import MISSING

WIDTH = 120  # of tables that no terminal shows
MAX_ROWS = 20  # pairs
NAME_WIDTH = 16  # a name is folded down to it before a column is left out


def print_result(result: Result, command: str = "") -> None:
    """Print tables, answer and caveats; `command` is that of the sweep."""
    console = Console()
    width = console.width if console.is_terminal else max(console.width, WIDTH)
    if isinstance(result, PlainSearch):
        shown = fitted(columns.trial_columns(result.keys), result.best_trials, width)
        console.print(Group(shown, Text(result.sentence, "bold")))
        for line in filter(None, (result.importance_note, f"Again: {result.command}")):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
    elif isinstance(result, Spread):
        parts = fitted(COLUMNS, result.components, width), Text(result.sentence, "bold")
        console.print(Group(*parts))
    else:
        Console(width=width).print(table(result, width, command))


def table(comparison: Comparison, width: int, command: str = "") -> Group:
    """Return variants, pairs, answer and caveats, to print in `width` columns.

    Columns that do not fit are left out, the least important first, and no number wraps.
    """
    metric = comparison.criterion.metric
    variants, pairs = comparison.variants, comparison.listed_pairs
    _, *others = columns.variant_columns(comparison.criterion, comparison.target_error)
    measured = [c for c in others if any(c.text(v) != MISSING for v in variants)]
    named = [Column(" ".join(factors_of(variants)), levels, is_words=True), *measured]
    parts: list[RenderableType] = [fitted(named, variants, width)]
    if comparison.effects:
        effects = [*comparison.effects.items()][:MAX_ROWS]
        parts.append(fitted(columns.effect_columns(metric), effects, width))
    if pairs:
        of_pairs = columns.pair_columns(metric, levels, comparison.listed_baseline)
        parts.append(fitted(of_pairs, pairs[:MAX_ROWS], width))
    if left_out := len(comparison.pairs) - len(pairs[:MAX_ROWS]):
        parts.append(Text(f"and {left_out} more in pairs.csv", "dim"))
    if comparison.searches:
        parts.append(fitted(columns.search_columns(), comparison.searches[:MAX_ROWS], width))
    parts.append(Text(sentence(comparison), "bold"))
    said = caveats(comparison)
    if command:
        said.append(advice(comparison, command))
    return Group(*parts, *map(Text, filter(None, said)))


def levels(variant: Variant) -> str:
    """Name a variant by its levels alone, to fit into 80 columns."""
    return " ".join(variant.levels.values()) or variant.label


def fitted(wanted: Sequence[Column[Row]], rows: Sequence[Row], width: int) -> Table:
    """Return a table of at most `width` columns of text, without a wrapped number."""
    kept = list(wanted)  # those that fit, of those that may be left out the most important
    widths = {column: _width(column, rows) + 2 for column in wanted}
    while sum(widths[column] for column in kept) > width and any(c.rank for c in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for at, column in enumerate(kept):
        heading = Text("\n".join(column.heading.rsplit(" ", 1)) if at else column.heading)
        if column.is_words:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        # As Text, since a level such as [100] reads as markup.
        table.add_row(*(Text(column.text(row)) for column in kept))
    return table


def _width(column: Column[Row], rows: Sequence[Row]) -> int:
    cells = [*column.heading.rsplit(" ", 1), *(column.text(row) for row in rows)]
    longest = max(map(len, cells))
    return min(longest, NAME_WIDTH) if column.is_words else longest
