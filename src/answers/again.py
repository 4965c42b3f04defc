"""Comparison of runs that were recorded: a sweep again, or runs of several."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from src.answers import record, recorded_jobs
from src.compare.answer import Answer, Result, to_json
from src.compare.comparison import Comparison
from src.compare.terminal import print_result
from src.config import resolved
from src.config.compare_settings import CompareSettings
from src.config.resolvers import stamp
from src.errors import InputError
from src.folders import ROOT
from src.messages import logs
from src.messages.credentials import redact
from src.messages.error_text import told_as
from src.provenance import REPORT_TAGS
from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import Journal
from src.tracking.lock import locked
from src.tracking.result_index import ResultIndex
from src.tracking.run_source import LAST, RunSource
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_runs import SweepRuns
from src.tracking.uploader import missing_note, upload

if TYPE_CHECKING:
    from src.tracking.store import Store

DECIDING = ("baseline", "metric", "margin", "looks")  # settings that a verdict depends on


def run(arguments: Sequence[str], is_json: bool) -> None:
    """Compare, print, and keep the result: with the one sweep it is of, or else in a folder.

    Raises InputError where there is nothing to compare, or where the answer cannot be kept.
    """
    overrides = [argument for argument in arguments if "=" in argument]
    ids = [argument for argument in arguments if "=" not in argument]
    settings = resolved.settings(overrides)
    source = RunSource(TrackingSettings.of(settings["tracking"]))
    asked = [_asked(source, run_id) for run_id in ids or [LAST]]
    records = [*{r.run.run_id: r for each in asked for r in each.records}.values()]
    sweep = asked[0] if len(asked) == 1 and asked[0].sweep_id else None
    compare, post_hoc = CompareSettings.of(settings["compare"]), "this selection of runs"
    if sweep:
        planned = CompareSettings.stored(sweep.params, settings["compare"])
        post_hoc = " ".join(o for o in overrides if _changes(o, compare, planned))
        typed = {override.partition("=")[0] for override in overrides}
        compare = CompareSettings.stored(sweep.params, settings["compare"], typed)
    index, tags = ResultIndex.of(settings), sweep.tags if sweep else {}
    result = recorded_jobs.conclude(
        records, compare, tags, source.correct, index.lineage(records), post_hoc
    )
    told = REPORT_TAGS if sweep else REPORT_TAGS[1:]  # no command of one sweep makes several
    report = {key: asked[0].tags[key] for key in told if key in asked[0].tags}
    if is_json:
        print(to_json(Answer(result).values))
    else:
        print_result(result, report.get("command", ""))
    if post_hoc:
        report["compared by"] = shlex.join(["python", "-m", "src.compare", *map(redact, arguments)])
    own, name = sweep.own if sweep else None, record.PLANNED
    if post_hoc and isinstance(result, Comparison):
        name = "post_hoc/" + re.sub(r"[^\w.=-]+", "_", post_hoc)
    if own and own.has_ended and os.access(own.journal.path, os.W_OK):
        place = _keep(own, index, source, result, report, name)
    elif sweep and own is None:
        place = _send(source.connect(), sweep.sweep_id, result, report, name)
    else:  # of runs of several, or of a sweep that goes on or is another user's
        place = _write(result, report)
    print(place, file=sys.stderr if is_json else sys.stdout)


def _asked(source: RunSource, run_id: str) -> SweepRuns:
    """Return a sweep, or a run alone, of no sweep. Raises InputError for a sweep without jobs."""
    sweep = source.find(run_id)
    if not sweep.records:
        raise InputError(f"{sweep.sweep_id}: the sweep has no jobs there; they may be deleted")
    return sweep


def _changes(override: str, now: CompareSettings, planned: CompareSettings) -> bool:
    """Return whether an override changes what a verdict depends on since the sweep was planned."""
    name = override.partition("=")[0].removeprefix("compare.")
    return name in DECIDING and getattr(now, name) != getattr(planned, name)


def _write(result: Result, report: dict[str, str]) -> str:
    """Write a result that is of no one sweep into a folder of its own; return where it lies."""
    folder = ROOT / "outputs" / "comparisons" / stamp()
    record.write_report(result, folder, report)
    return f"Report: {record.report_page(folder)}"


def _keep(
    sweep: JobRecord,
    index: ResultIndex,
    source: RunSource,
    result: Result,
    report: dict[str, str],
    name: str,
) -> str:
    """Write a result into the journal of the sweep that it is of, and send that.

    It replaces the one that was planned, or is put beside it by its `name`. Return where its
    report lies; what the server does not take is sent later.
    """
    journal = sweep.journal
    index.open(sweep.job_id, journal)
    with locked(journal.path):  # against another comparison
        record.record(result, journal, report, name)
    if error := upload([journal], source.connect):
        logs.to_stderr(missing_note(error, journal))
    else:
        index.close(sweep.job_id)
    page, now = record.report_page(journal.folder, name), fold(journal)
    if page.exists() or now is None or now.run_id is None:
        return f"Report: {page}"
    from src.tracking import embedded, mlflow_source

    embedded.complete(source.tracking.uri)
    return mlflow_source.report_location(source.connect(), now.run_id, name)


def _send(store: "Store", run_id: str, result: Result, report: dict[str, str], name: str) -> str:
    """Send the result of a sweep that left no journal here; return where its report lies."""
    from src.tracking import embedded, mlflow_sink, mlflow_source

    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        record.record(result, journal, report, name)
        with told_as(f"tracking.uri={store.shown_uri}: the answer is not kept"):
            mlflow_sink.deliver(store, run_id, list(journal.events()), journal.folder)
    embedded.complete(store.uri)
    return mlflow_source.report_location(store, run_id, name)
