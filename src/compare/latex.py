"""Tables of a comparison in LaTeX, to be included in a paper; they need the package booktabs."""

import re
from collections.abc import Sequence
from pathlib import Path

from src.compare.columns import Column, Row, pair_columns, variant_columns
from src.compare.comparison import Comparison
from src.metrics import MINUS, MISSING

SPECIAL = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    "±": r"$\pm$",
    MINUS: "$-$",
    MISSING: "--",
}
TO_ESCAPE = re.compile("|".join(map(re.escape, SPECIAL)))


def write_latex(comparison: Comparison, folder: Path) -> None:
    """Write the variants and the listed pairs as two tables into tables.tex."""
    variants = _table(variant_columns(comparison.criterion), comparison.variants)
    pairs = _table(pair_columns(comparison.criterion.metric), comparison.listed_pairs)
    text = f"% {comparison.question}\n{variants}\n{pairs}" if comparison.pairs else variants
    (folder / "tables.tex").write_text(text, encoding="utf-8")


def _table(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> str:
    alignment = "".join("l" if column.is_words else "r" for column in columns)
    head = _line([column.heading for column in columns])
    body = "".join(_line([column.text(row) for column in columns]) for row in rows)
    begin, end = f"\\begin{{tabular}}{{{alignment}}}", "\\end{tabular}"
    return f"{begin}\n\\toprule\n{head}\\midrule\n{body}\\bottomrule\n{end}\n"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(TO_ESCAPE.sub(lambda m: SPECIAL[m[0]], cell) for cell in cells) + " \\\\\n"
