"""Comparison of runs that were recorded: a sweep again, or runs of several."""

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from src.compare import record, recorded_jobs
from src.compare.answer import Answer, Result, to_json
from src.compare.comparison import Comparison
from src.compare.terminal import print_result
from src.config import resolved
from src.errors import InputError
from src.folders import ROOT
from src.messages.credentials import redact
from src.messages.error_text import told_as
from src.provenance import REPORT_TAGS
from src.tracking import embedded, mlflow_sink, mlflow_source
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.run_source import RunSource, Server, reach
from src.tracking.settings import TrackingSettings
from src.tracking.store import Store
from src.tracking.sweep_runs import SweepRuns

DECIDING = ("baseline", "metric", "margin", "looks")  # settings that a verdict depends on


def run(arguments: Sequence[str], is_json: bool) -> None:
    """Compare, print, and keep the result: with the one sweep it is of, or else in a folder.

    Raises InputError where there is nothing to compare, or where the answer cannot be kept.
    """
    overrides = [argument for argument in arguments if "=" in argument]
    ids = [argument for argument in arguments if "=" not in argument]
    settings = resolved.settings(overrides)
    source = reach(TrackingSettings.of(settings["tracking"]))
    asked = [_asked(source, run_id) for run_id in ids or ["last"]]
    records = [*{r.run.run_id: r for each in asked for r in each.records}.values()]
    sweep = asked[0] if len(asked) == 1 and asked[0].sweep_id else None
    post_hoc = "this selection of runs"
    if sweep:
        planned = recorded_jobs.settings_of(sweep.params)
        given = [o for o in overrides if _changes(o, settings["compare"], planned)]
        post_hoc = " ".join(given)
        typed = {override.partition("=")[0] for override in overrides}
        settings["compare"] |= recorded_jobs.settings_of(sweep.params, typed)
    lineage = ResultIndex.of(settings).lineage(records)
    tags = sweep.tags if sweep else {}
    result = recorded_jobs.conclude(
        records, settings["compare"], tags, source.correct, lineage, post_hoc
    )
    told = REPORT_TAGS if sweep else REPORT_TAGS[1:]  # no command of one sweep makes several
    report = {key: asked[0].tags[key] for key in told if key in asked[0].tags}
    if is_json:
        print(to_json(Answer(result).values))
    else:
        print_result(result, report.get("command", ""))
    if post_hoc:
        report["compared by"] = shlex.join(["python", "-m", "src.compare", *map(redact, arguments)])
    if sweep and isinstance(source, Server):
        place = _record(source.store, sweep.sweep_id, result, report)
        embedded.complete(source.store.uri)
    else:
        place = _write(result, report)
    print(place, file=sys.stderr if is_json else sys.stdout)


def _asked(source: RunSource, run_id: str) -> SweepRuns:
    """Return a sweep, or a run alone, of no sweep. Raises InputError for a sweep without jobs."""
    if not source.has_sweep(run_id):
        record = source.run(run_id)
        return SweepRuns("", record.tags, record.params, [record])
    sweep = source.sweep(run_id)
    if not sweep.records:
        raise InputError(f"{sweep.sweep_id}: the sweep has no jobs there; they may be deleted")
    return sweep


def _changes(override: str, now: Mapping[str, Any], planned: Mapping[str, Any]) -> bool:
    """Return whether an override changes what a verdict depends on since the sweep was planned."""
    name = override.partition("=")[0].removeprefix("compare.")
    return name in DECIDING and now[name] != planned.get(name)


def _write(result: Result, report: dict[str, str]) -> str:
    """Write a result that is of no one sweep into a folder of its own; return where it lies."""
    folder = ROOT / "outputs" / "comparisons" / time.strftime("%Y-%m-%d_%H-%M-%S")
    record.write_report(result, folder, report)
    return f"Report: {record.report_page(folder)}"


def _record(store: Store, run_id: str, result: Result, report: dict[str, str]) -> str:
    """Replace the result that a sweep's run holds, or put a post hoc one beside it.

    Return where its report lies.
    """
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        name = record.PLANNED
        if isinstance(result, Comparison) and result.post_hoc:
            name = "post_hoc/" + re.sub(r"[^\w.=-]+", "_", result.post_hoc)
        record.record(result, journal, report, name)
        with told_as(f"tracking.uri={store.shown_uri}: the answer is not kept"):
            mlflow_sink.deliver(store, run_id, list(journal.events()), journal.folder)
        return mlflow_source.report_location(store, run_id, name)
