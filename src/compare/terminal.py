"""Table of a comparison for the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from src.compare.caveats import caveats
from src.compare.columns import (
    Column,
    Row,
    baseline_columns,
    effect_columns,
    pair_columns,
    variant_columns,
)
from src.compare.comparison import Comparison
from src.compare.pairs import Pair
from src.compare.power import advice
from src.compare.summary import sentence
from src.compare.variants import Variant
from src.metrics import MISSING

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

MAX_ROWS = 20  # pairs
NAME_WIDTH = 16  # to which a name may be folded before a column is left out


def table(comparison: Comparison, width: int, command: str = "") -> "Group":
    """Return variants, pairs, answer and caveats, to print in `width` columns.

    Columns that do not fit are left out, the least important first, and no number wraps.
    """
    from rich.console import Group
    from rich.text import Text

    factors = dict.fromkeys(factor for v in comparison.variants for factor in v.levels)
    _, *columns = variant_columns(comparison.criterion, comparison.target_error)
    measured = [c for c in columns if any(c.text(v) != MISSING for v in comparison.variants)]
    named = [Column(" ".join(factors), _levels, is_words=True), *measured]
    parts: list[RenderableType] = [_table(named, comparison.variants, width)]
    if comparison.effects:
        effects = effect_columns(comparison.criterion.metric)
        parts.append(_table(effects, [*comparison.effects.items()][:MAX_ROWS], width))
    pairs = comparison.listed_pairs
    if pairs:
        parts.append(_table(_pair_columns(comparison), pairs[:MAX_ROWS], width))
    left_out = len(comparison.pairs) - len(pairs[:MAX_ROWS])
    if left_out:
        parts.append(Text(f"and {left_out} more in pairs.csv", "dim"))
    parts += [Text(sentence(comparison), "bold"), *map(Text, caveats(comparison))]
    if comparison.untuned:
        parts.append(
            Text(f"Untuned, at the settings of the config: {sentence(comparison.untuned)}")
        )
    if command and (said := advice(comparison, command)):
        parts.append(Text(said))
    return Group(*parts)


def _pair_columns(comparison: Comparison) -> Sequence[Column[Pair]]:
    metric = comparison.criterion.metric
    if all(pair.b is comparison.baseline for pair in comparison.listed_pairs):
        return baseline_columns(comparison.baseline, _levels, metric)
    _, _, *rest = pair_columns(metric)
    a: Column[Pair] = Column("a", lambda pair: _levels(pair.a), is_words=True)
    b: Column[Pair] = Column("b", lambda pair: _levels(pair.b), is_words=True)
    return a, b, *rest


def _levels(variant: Variant) -> str:
    """Name a variant by its levels alone, to fit into 80 columns."""
    return " ".join(variant.levels.values()) or variant.label


def _table(columns: Sequence[Column[Row]], rows: Sequence[Row], width: int) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns = _fitting(columns, rows, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for at, column in enumerate(columns):
        heading = Text("\n".join(column.heading.rsplit(" ", 1)) if at else column.heading)
        if column.is_words:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        # As Text, since a level such as [100] reads as markup.
        table.add_row(*(Text(column.text(row)) for column in columns))
    return table


def _fitting(
    columns: Sequence[Column[Row]], rows: Sequence[Row], width: int
) -> Sequence[Column[Row]]:
    """Return the columns that fit, of those that may be left out the most important."""
    widths = {column: _width(column, rows) for column in columns}
    kept = list(columns)
    while sum(widths[column] + 2 for column in kept) > width and any(c.rank for c in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def _width(column: Column[Row], rows: Sequence[Row]) -> int:
    cells = [*column.heading.rsplit(" ", 1), *(column.text(row) for row in rows)]
    longest = max(map(len, cells))
    return min(longest, NAME_WIDTH) if column.is_words else longest
