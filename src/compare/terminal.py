"""Table of a comparison for the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from src.compare.columns import Column, Row, baseline_columns, variant_columns
from src.compare.comparison import Comparison
from src.compare.summary import sentence
from src.compare.variants import Variant

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

MAX_ROWS = 20  # pairs


def table(comparison: Comparison) -> "Group":
    """Return variants, pairs with the baseline and answer, to print."""
    from rich.console import Group
    from rich.text import Text

    factors = dict.fromkeys(factor for v in comparison.variants for factor in v.levels)
    _, *columns = variant_columns(comparison.target_error)
    parts = [_table([Column(" ".join(factors), _levels), *columns], comparison.variants)]
    if pairs := comparison.baseline_pairs:
        parts.append(_table(baseline_columns(comparison.baseline, _levels), pairs[:MAX_ROWS]))
    left_out = len(pairs) - MAX_ROWS
    more = [Text(f"and {left_out} more in pairs.csv", "dim")] if left_out > 0 else []
    if comparison.changed_code:
        files = ", ".join(comparison.changed_code)
        more.append(Text(f"The runs were trained by different code: {files}."))
    return Group(*parts, *more, Text(sentence(comparison), "bold"))


def _levels(variant: Variant) -> str:
    """Name a variant by its levels alone, to fit into 80 columns."""
    return " ".join(variant.levels.values()) or variant.label


def _table(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    first, *others = (column.heading for column in columns)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(Text(first), overflow="fold")
    for heading in others:
        table.add_column(Text("\n".join(heading.rsplit(" ", 1))), justify="right", no_wrap=True)
    for row in rows:
        # As Text, since a level such as [100] reads as markup.
        table.add_row(*(Text(column.text(row)) for column in columns))
    return table
