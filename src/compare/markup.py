"""Tables of a comparison in LaTeX, for a paper, and in Markdown, for a run's description."""

import re
from collections.abc import Sequence
from pathlib import Path

from src.compare.caveats import caveats
from src.compare.columns import Column, Row, pair_columns, variant_columns
from src.compare.comparison import Comparison
from src.compare.summary import sentence
from src.metrics import MINUS, MISSING

MAX_ROWS = 20  # of a table in a description, which is a tag of a run
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
    """Write the variants and the listed pairs into tables.tex; they need the package booktabs."""
    variants = _latex(variant_columns(comparison.criterion), comparison.variants)
    pairs = _latex(pair_columns(comparison.criterion.metric), comparison.listed_pairs)
    text = f"% {comparison.question}\n{variants}\n{pairs}" if comparison.pairs else variants
    (folder / "tables.tex").write_text(text, encoding="utf-8")


def _latex(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> str:
    alignment = "".join("l" if column.is_words else "r" for column in columns)
    cells = [[column.heading for column in columns]]
    cells += [[column.text(row) for column in columns] for row in rows]
    escaped = [[TO_ESCAPE.sub(lambda m: SPECIAL[m[0]], cell) for cell in line] for line in cells]
    head, *body = (" & ".join(line) + " \\\\\n" for line in escaped)
    begin, end = f"\\begin{{tabular}}{{{alignment}}}", "\\end{tabular}"
    return f"{begin}\n\\toprule\n{head}\\midrule\n{''.join(body)}\\bottomrule\n{end}\n"


def markdown(comparison: Comparison) -> str:
    """Return question, answer, and the tables of variants and of pairs with the baseline."""
    pairs = pair_columns(comparison.criterion.metric, baseline=comparison.baseline)
    parts = [
        f"**{comparison.question}**",
        sentence(comparison),
        _markdown(variant_columns(comparison.criterion), comparison.variants),
        _markdown(pairs, comparison.baseline_pairs),
        *caveats(comparison),
        "More in the artifact comparison/report.html.",
    ]
    return "\n\n".join(filter(None, parts))


def _markdown(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> str:
    """Return a table of the columns that say anything; "" without rows."""
    kept = [column for column in columns if any(column.text(row) != MISSING for row in rows)]
    if not kept:
        return ""
    lines = [
        [column.heading for column in kept],
        ["---" if column.is_words else "--:" for column in kept],
        *([column.text(row).replace("|", r"\|") for column in kept] for row in rows[:MAX_ROWS]),
    ]
    more = f"\n\nand {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else ""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + more
