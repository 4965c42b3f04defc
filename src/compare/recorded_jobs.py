"""The comparison of jobs by their records, and its result in a journal."""

import json
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from src import predictions
from src.compare import Comparison, ComparisonError, compare, note, power, summary, table, write
from src.compare.looks import Look
from src.compare.recorded_looks import earlier_looks
from src.compare.recorded_searches import searches
from src.compare.spread import varied_seeds
from src.errors import InputError
from src.metrics import Run
from src.schema import factors
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord, Role
from src.tracking.journal import FILES, Journal

if TYPE_CHECKING:
    import numpy as np

TABLE_WIDTH = 120
PLANNED = "comparison"  # the folder of the answer that was planned

log = logging.getLogger(__name__)


def compare_records(
    records: Sequence[JobRecord],
    settings: Mapping[str, Any],
    elsewhere: "Callable[[str], np.ndarray | None] | None" = None,
    lineage: Sequence[JobRecord] = (),
    post_hoc: str = "",
) -> Comparison:
    """Compare jobs; `settings` is the config's `compare`.

    Of a tuned sweep `records` are the searches and their trials as well, of which none is
    compared. `elsewhere` finds the right predictions of a run, by its id, whose journal does not
    hold them; `lineage` are the sweeps that may have looked at the jobs before; `post_hoc` says
    what of the settings was chosen when results were known. Raises InputError when the jobs cannot
    be compared.
    """
    kept = {record.run.run_id: record.correct for record in records}

    def correct(run_id: str) -> "np.ndarray | None":
        found = predictions.decode(kept[run_id])
        return elsewhere(run_id) if found is None and elsewhere else found

    def compared(role: Role, looks: Sequence[Look] = ()) -> Comparison:
        jobs = [record.run for record in records if record.role is role and not record.is_search]
        return compare(
            jobs,
            baseline=settings["baseline"],
            margin=settings["margin"],
            target_error=settings["target_error"],
            question=settings["question"],
            correct=correct,
            metric=settings["metric"],
            looks=looks,
            declared_looks=settings["looks"] or (),
        )

    try:
        has_untuned = any(record.role is Role.UNTUNED for record in records)
        return replace(
            compared(Role.REPORTED, earlier_looks(records, lineage)),
            searches=searches(records),
            untuned=compared(Role.UNTUNED) if has_untuned else None,
            post_hoc=post_hoc,
        )
    except ComparisonError as error:
        raise InputError(str(error)) from error


def settings_of(params: Mapping[str, str], given: Collection[str] = ()) -> dict[str, Any]:
    """Return the `compare` settings under which a sweep was run, but for those `given` now.

    `params` is its flat config, in which words are as they are and all else is JSON.
    """
    own = {}
    for key, text in params.items():
        if key.startswith("compare.") and key not in given:
            try:
                own[key.removeprefix("compare.")] = json.loads(text)
            except ValueError:
                own[key.removeprefix("compare.")] = text
    return own


def power_note(jobs: Mapping[str, Mapping[str, str]], settings: Mapping[str, Any]) -> str:
    """Return why a comparison of jobs will decide nothing; "" if it can.

    `jobs` are flat configs by the jobs' names. Raises InputError for a baseline that none of them
    has.
    """
    if not jobs:
        return ""
    runs = list(starmap(_planned, jobs.items()))
    if varied_seeds(runs):
        return ""
    try:
        return power.power_note(runs, settings["baseline"])
    except ComparisonError as error:
        raise InputError(str(error)) from error


def _planned(name: str, params: Mapping[str, str]) -> Run:
    """Return a job as its record will be, before it has run."""
    return Run("", name, "FINISHED", "", int(params["seed"]), factors(params), "", "", "", ())


def prepare() -> None:
    """Import what is slow to import, while the jobs still run and nobody waits for it."""
    os.environ["MPLBACKEND"] = "agg"  # figures become files; a notebook's may be missing here
    try:
        import scipy.special  # noqa: F401

        import src.compare.plots  # noqa: F401
    except Exception:  # the comparison tells of it; the uploads go on
        log.info("not imported", exc_info=True)


def write_report(
    comparison: Comparison, folder: Path, report: Mapping[str, str], name: str = PLANNED
) -> tuple[Path, list[Path]]:
    """Write report, tables and figures below `folder`; return the report, and all the files."""
    page = report_page(folder, name)
    page.parent.mkdir(parents=True, exist_ok=True)
    write(comparison, page.parent, report)
    return page, list(page.parent.iterdir())


def report_page(folder: Path, name: str = PLANNED) -> Path:
    """Return the report of the comparison below `folder`."""
    return folder / FILES / name / "report.html"


def record(
    comparison: Comparison, journal: Journal, report: Mapping[str, str], name: str = PLANNED
) -> None:
    """Write the report, and into the sweep's journal what was found; post hoc the report alone."""
    _, written = write_report(comparison, journal.folder, report, name)
    journal.append_files(written)
    if comparison.post_hoc:
        return
    journal.append(EventKind.METRICS, step=0, values=summary.metrics(comparison))
    described = {note.CONTENT: note.markdown(comparison)}
    journal.append(EventKind.TAGS, tags={**summary.tags(comparison), **described})


def print_result(comparison: Comparison, command: str = "") -> None:
    """Print tables, verdict and caveats; `command` is that of the sweep."""
    console = Console()
    width = console.width if console.is_terminal else max(console.width, TABLE_WIDTH)
    Console(width=width).print(table(comparison, width, command))
