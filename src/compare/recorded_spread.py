"""The spread of jobs over crossed seeds, by their records, and its result in a journal."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from rich.console import Console
from rich.text import Text

from src.compare.comparison import ComparisonError
from src.compare.spread import Spread, find_spread, spread_table, write_spread
from src.errors import InputError
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord
from src.tracking.journal import FILES, Journal

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>fairsweep: spread</title>
<h1>{question}</h1>
<p>{answer}</p>
<pre>{table}</pre>
<p>Analysis of variance of crossed random factors, one run a cell; the interaction of all sources is
part of the rest. Generalized confidence intervals (Weerahandi 1993).</p>
<pre>{provenance}</pre>
"""


def spread_of(records: Sequence[JobRecord]) -> Spread | None:
    """Return the spread of jobs that differ in seeds alone; None for all others.

    Raises InputError where a job of the crossed design did not finish.
    """
    try:
        return find_spread([record.run for record in records])
    except ComparisonError as error:
        raise InputError(str(error)) from error


def record(spread: Spread, question: str, journal: Journal, report: Mapping[str, str]) -> None:
    """Write page and table, and into the sweep's journal what was found."""
    folder = journal.folder / FILES / "comparison"
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture():
        console.print(spread_table(spread))
    table = console.export_text()
    page = PAGE.format(
        question=escape(question),
        answer=escape(spread.sentence),
        table=escape(table),
        provenance=escape("\n".join(f"{key}: {text}" for key, text in report.items())),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    write_spread(spread, folder / "variance.csv")
    journal.append_files([Path(folder / name) for name in ("report.html", "variance.csv")])
    journal.append(EventKind.METRICS, step=0, values=spread.metrics)
    tags = {"comparison.question": question, "comparison.verdict": spread.sentence}
    journal.append(EventKind.TAGS, tags=tags)


def print_spread(spread: Spread) -> None:
    """Print the table and the answer."""
    console = Console()
    console.print(spread_table(spread))
    console.print(Text(spread.sentence, "bold"))
