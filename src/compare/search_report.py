"""The result of a plain search on a page and in the terminal."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.compare.plain_search import SHOWN, PlainSearch, search_plot, write_trials

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


def importances(search: PlainSearch) -> str:
    """Return the importances in a line; "" where there are none."""
    shares = ", ".join(f"{key} {share:.0%}" for key, share in search.importances.items())
    return f"Importance: {shares} (random forest, permuted values)." if shares else ""


def write(search: PlainSearch, folder: Path, provenance: Mapping[str, str]) -> None:
    """Write report.html, the figure and the table of trials into `folder`."""
    from src.compare.figure_style import COLORS as PALETTE

    figure = search_plot(search)
    drawn = caption = ""
    if figure:
        figure.save(folder)
        colors = ";".join(f"--{name}:{light}" for name, (light, _) in PALETTE.items())
        drawn, caption = COLORS.format(colors) + figure.svg(), figure.caption
    texts = {"question": search.question, "answer": search.sentence}
    texts |= {"importances": importances(search)}
    texts |= {"command": search.command, "caption": caption}
    texts["provenance"] = "\n".join(f"{key}: {text}" for key, text in provenance.items())
    page = PAGE.format(figure=drawn, **{key: escape(text) for key, text in texts.items()})
    (folder / "report.html").write_text(page, encoding="utf-8")
    write_trials(search, folder / "trials.csv")


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
