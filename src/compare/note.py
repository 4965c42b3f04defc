"""The comparison as Markdown, which MLflow shows as the description of a sweep's run."""

from collections.abc import Sequence

from src.compare.caveats import caveats
from src.compare.columns import Column, Row, baseline_columns, variant_columns
from src.compare.comparison import Comparison
from src.compare.summary import sentence
from src.metrics import MISSING

MAX_ROWS = 20  # of a table, which is a tag of a run
CONTENT = "mlflow.note.content"  # https://mlflow.org/docs/latest/ml/tracking/tracking-api


def markdown(comparison: Comparison) -> str:
    """Return question, answer, and the tables of variants and of pairs with the baseline."""
    baseline, metric = comparison.baseline, comparison.criterion.metric
    against = baseline_columns(baseline, lambda variant: variant.label, metric)
    parts = [
        f"**{comparison.question}**",
        sentence(comparison),
        _table(variant_columns(comparison.criterion), comparison.variants),
        _table(against, comparison.baseline_pairs),
        *caveats(comparison),
    ]
    return "\n\n".join(filter(None, parts)) + "\n\nMore in the artifact comparison/report.html."


def _table(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> str:
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
