"""What a sweep was run for: its jobs read back, compared, written and told."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from rich.console import Console
from rich.text import Text

from src import commands
from src.compare import Comparison, ComparisonError, compare, power_note, summary, table, write
from src.errors import InputError
from src.tracking import records

if TYPE_CHECKING:
    from src.tracking.client import Store

TABLE_WIDTH = 120


def compare_jobs(store: "Store", jobs: Sequence[Any], settings: Mapping[str, Any]) -> Comparison:
    """Compare the runs that MLflow's records `jobs` name; `settings` is the config's `compare`.

    Raises InputError when they cannot be compared.
    """
    try:
        return compare(
            records.read(store, jobs),
            baseline=settings["baseline"],
            margin=settings["margin"] / 100,
            target_error=settings["target_error"],
            question=settings["question"],
            correct=partial(records.correct, store),
        )
    except ComparisonError as error:
        raise InputError(str(error)) from error


def foreseen(jobs: Mapping[str, Mapping[str, str]], settings: Mapping[str, Any]) -> str:
    """Why a comparison of jobs will decide nothing; "" if it can.

    `jobs` are flat configs by the jobs' names.

    Raises InputError for a baseline that none of them has.
    """
    if not jobs:
        return ""
    try:
        return power_note(list(starmap(records.planned, jobs.items())), settings["baseline"])
    except ComparisonError as error:
        raise InputError(str(error)) from error


def prepare() -> None:
    """Import what is slow to import, while the jobs still run and nobody waits for it."""
    import scipy.special  # noqa: F401

    import src.compare.plots  # noqa: F401


def events(
    comparison: Comparison, folder: Path, provenance: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Write report, tables and figures into `folder`; what a journal there is to hold of them."""
    target = folder / "artifacts" / "comparison"
    target.mkdir(parents=True, exist_ok=True)
    write(comparison, target, provenance)
    yield {"event": "files", "path": "artifacts"}
    yield {"event": "metrics", "step": 0, "values": summary.metrics(comparison)}
    yield {"event": "tags", "tags": summary.tags(comparison)}


def tell(comparison: Comparison) -> None:
    """Print the tables, whose rows rather wrap than lose cells, and the verdict."""
    console = Console()
    wide = Console(width=max(console.width, TABLE_WIDTH))
    for part in table(comparison).renderables:
        (console if isinstance(part, Text) else wide).print(part)


def where(store: "Store", run_id: str) -> str:
    """Where the report lies, a file or a page of MLflow's UI, and how to open that UI."""
    place = f"{store.client.get_run(run_id).info.artifact_uri}/comparison/report.html"
    if place.startswith("file:"):
        place = unquote(urlparse(place).path)
    elif place.startswith("mlflow-artifacts:"):  # which only a server can show
        run = f"experiments/{store.experiment_id}/runs/{run_id}"
        place = f"{store.shown_uri.rstrip('/')}/#/{run}/artifacts/comparison/report.html"
    return f"Report: {place}\nMLflow: {commands.ui(store.uri, store.experiment_id)}"
