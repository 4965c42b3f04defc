"""Comparison of runs that a tracking server has: a sweep again, or runs of several."""

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Run as MlflowRun

from src import ROOT, config
from src.compare import record, recorded_jobs
from src.compare.answer import Answer, Result, to_json
from src.compare.comparison import Comparison
from src.compare.terminal import print_result
from src.credentials import redact
from src.error_text import root_cause
from src.errors import InputError
from src.provenance import REPORT_TAGS
from src.tracking import mlflow_sink, mlflow_source
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.store import UNREACHABLE, Store, complete

DECIDING = ("baseline", "metric", "margin", "looks")  # settings that a verdict depends on


def run(arguments: Sequence[str], is_json: bool) -> None:
    """Compare, print, and keep the result: with the one sweep it is of, or else in a folder.

    Raises InputError where there is nothing to compare, or where the answer cannot be kept.
    """
    overrides = [argument for argument in arguments if "=" in argument]
    ids = [argument for argument in arguments if "=" not in argument]
    settings = config.settings(overrides)
    tracking = TrackingSettings.of(settings["tracking"])
    store = tracking.open()
    asked = [mlflow_source.get(store, run_id) for run_id in ids]
    asked = asked or [mlflow_source.last_sweep(store)]
    families = [_jobs(store, run) for run in asked]
    jobs = {job.info.run_id: job for family in families for job in family}
    sweep = asked[0] if len(asked) == 1 and asked[0].data.tags.get("kind") == "sweep" else None
    post_hoc = "this selection of runs"
    if sweep:
        planned = recorded_jobs.settings_of(sweep.data.params)
        given = [o for o in overrides if _changes(o, settings["compare"], planned)]
        post_hoc = " ".join(given)
        typed = {override.partition("=")[0] for override in overrides}
        settings["compare"] |= recorded_jobs.settings_of(sweep.data.params, typed)
    records = mlflow_source.records(store, list(jobs.values()))
    lineage = ResultIndex.of(settings).lineage(records)
    elsewhere = partial(mlflow_source.correct, store)
    tags = sweep.data.tags if sweep else {}
    result = recorded_jobs.conclude(
        records, settings["compare"], tags, elsewhere, lineage, post_hoc
    )
    own = asked[0].data.tags
    told = REPORT_TAGS if sweep else REPORT_TAGS[1:]  # no command of one sweep makes several
    report = {key: own[key] for key in told if key in own}
    if is_json:
        print(to_json(Answer(result).values))
    else:
        print_result(result, report.get("command", ""))
    if post_hoc:
        report["compared by"] = shlex.join(["python", "-m", "src.compare", *map(redact, arguments)])
    place = _record(store, sweep.info.run_id, result, report) if sweep else _write(result, report)
    print(place, file=sys.stderr if is_json else sys.stdout)
    complete(tracking.uri)


def _jobs(store: Store, run: MlflowRun) -> list[MlflowRun]:
    """Return the jobs of a sweep, or a run that is none. Raises InputError without jobs."""
    jobs = mlflow_source.jobs_of(store, run.info.run_id)
    if not jobs and run.data.tags.get("kind") == "sweep":
        raise InputError(f"{run.info.run_id}: the sweep has no jobs there; they may be deleted")
    return jobs or [run]


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
        try:
            mlflow_sink.deliver(store, run_id, list(journal.events()), journal.folder)
        except UNREACHABLE as error:
            said = f"the answer is not kept: {root_cause(error)}"
            raise InputError(f"tracking.uri={store.shown_uri}: {said}") from error
        return mlflow_source.report_location(store, run_id, name)
