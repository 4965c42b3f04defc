"""The end of a plain search, by the records of its trials, and its result in a journal."""

from collections.abc import Mapping, Sequence
from html import escape

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.compare.plain_search import SHOWN, PlainSearch, find_search, search_plot, write_trials
from src.errors import InputError
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord
from src.tracking.journal import FILES, Journal

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>fairsweep: search</title>
<h1>{question}</h1>
<p>{answer}</p>
<p>{importances}</p>
<p>Again: <code>{command}</code></p>
{figure}
<p>{caption}</p>
<pre>{provenance}</pre>
"""
COLORS = "<style>:root{{{}}} svg{{max-width:50em}}</style>"


def search_of(records: Sequence[JobRecord]) -> PlainSearch:
    """Return what a search has found. Raises InputError where no trial has a finite error."""
    found = find_search([each.run for each in records], [each.number for each in records])
    if found is None:
        raise InputError(f"none of {len(records)} trials ended with a finite validation error")
    return found


def importances(search: PlainSearch) -> str:
    """Return the importances in a line; "" where there are none."""
    shares = ", ".join(f"{key} {share:.0%}" for key, share in search.importances.items())
    return f"Importance: {shares} (random forest, permuted values)." if shares else ""


def record(search: PlainSearch, question: str, journal: Journal, report: Mapping[str, str]) -> None:
    """Write page, figure and table, and into the sweep's journal what was found."""
    from src.compare.figure_style import COLORS as PALETTE

    folder = journal.folder / FILES / "comparison"
    folder.mkdir(parents=True, exist_ok=True)
    figure = search_plot(search)
    drawn = caption = ""
    if figure:
        figure.save(folder)
        colors = ";".join(f"--{name}:{light}" for name, (light, _) in PALETTE.items())
        drawn, caption = COLORS.format(colors) + figure.svg(), figure.caption
    texts = {"question": question, "answer": search.sentence, "importances": importances(search)}
    texts |= {"command": search.command, "caption": caption}
    texts["provenance"] = "\n".join(f"{key}: {text}" for key, text in report.items())
    page = PAGE.format(figure=drawn, **{key: escape(text) for key, text in texts.items()})
    (folder / "report.html").write_text(page, encoding="utf-8")
    write_trials(search, folder / "trials.csv")
    journal.append_files(path for path in folder.iterdir() if path.is_file())
    journal.append(EventKind.METRICS, step=0, values={"best/val_error": search.best.error})
    tags = {"comparison.question": question, "comparison.verdict": search.sentence}
    journal.append(EventKind.TAGS, tags=tags)


def print_search(search: PlainSearch) -> None:
    """Print the best trials, the answer, and the command that trains the best again."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("trial", *search.keys, "validation %", "test %"):
        table.add_column(heading, justify="right")
    for trial in search.trials[:SHOWN]:
        errors = (f"{100 * error:.2f}" for error in (trial.error, trial.run.test_error))
        table.add_row(str(trial.number), *trial.settings.values(), *errors)
    console = Console()
    console.print(table)
    console.print(Text(search.sentence, "bold"))
    if shares := importances(search):
        console.print(shares, highlight=False)
    console.print(f"Again: {search.command}", highlight=False, soft_wrap=True, markup=False)
