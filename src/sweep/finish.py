"""The end of a multirun: its jobs are compared, and the result is printed and kept."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from src.config.compare_settings import CompareSettings
from src.errors import OUTPUT_CLOSED, InputError, JobError
from src.inference.exporter import Exporter
from src.inference.publish import Models, Publication
from src.messages import logs
from src.messages.error_text import root_cause
from src.process.signals import defer_stop, stop_requested
from src.progress import failure_table, job_counts
from src.sweep.closing import conclude_jobs, going_on_note
from src.tracking.job_record import LEFT, Action, JobRecord, Status, fold
from src.tracking.repair import end, goes_on
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader_process import start_uploader

if TYPE_CHECKING:
    from src.compare.answer import Result

# https://github.com/hydra-ecosystem/hydra/issues/2562
OLD_OPTUNA = (
    "an Optuna below 3.1 keeps no study beside SQLAlchemy 2; null keeps none, and "
    '`pip install -e ".[tpe]"` brings one that does, with which the sweeper works'
)


@dataclass(frozen=True)
class BegunSweep:
    """A multirun that has begun."""

    journals: SweepJournals
    index: ResultIndex
    jobs: int | None  # None: the sweeper decides as it goes
    compare: CompareSettings
    report: Mapping[str, str]
    hint: str  # on the same command
    models: Publication
    exports: bool  # its models, in a process that has imported torch
    is_submitted: bool  # its jobs are not waited for
    is_search: bool  # for the best settings, by a sweeper that is not this project's


begun: list[BegunSweep] = []  # the multirun of this process, between begin and finish


@contextmanager
def finishing() -> Iterator[None]:
    """Close the multirun of the body, however it ends. Raises JobError when jobs failed.

    What failed them is told then; where in the launcher that came up would say nothing.
    """
    try:
        yield
    except BaseException as error:  # whatever ends a sweep, what it has is kept
        is_search = bool(begun) and begun[0].is_search
        failed = finish(error)
        if isinstance(error, Exception) and failed:
            raise JobError(f"{failed} jobs failed; the same command tries them again") from error
        if isinstance(error, Exception) and is_search:  # its own, as of a damaged study
            raise InputError(_sweeper_error(error)) from error
        raise
    if failed := finish(None):
        raise JobError(f"{failed} jobs failed; the same command tries them again")


def _sweeper_error(error: Exception) -> str:
    """Return what a sweeper of another project has failed with."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    is_version = isinstance(error, AssertionError)  # of the study's tables, which it did not commit
    if is_version and frame.f_globals["__name__"].startswith("optuna.storages."):
        return f"hydra.sweeper.storage: {OLD_OPTUNA}"
    said = f"{type(error).__name__}: {root_cause(error)}".removesuffix(": ")
    return f"hydra/sweeper: {said}; HYDRA_FULL_ERROR=1 shows where"


def finish(error: BaseException | None) -> int:
    """Close the multirun that this process began: compare its jobs, print and keep the result.

    `error` is what ended it early, if anything did. Returns how many jobs failed. Raises
    InputError for a bug in comparing, after its traceback.
    """
    if not begun:
        return 0
    sweep = begun.pop()
    journal, jobs = sweep.journals.sweep, _all_jobs(sweep)
    if (sweep.is_submitted or stop_requested()) and goes_on(journal):
        word = "Submitted" if sweep.is_submitted else "Interrupted"
        logs.to_stderr(f"{word}: {going_on_note(journal, jobs)}")
        return 0
    failed = [job for job in jobs if job.has_failed]
    has_begun = bool(jobs) or error is None  # else the error alone is told
    result: Result | InputError | None = None
    exporter: Exporter | None = None
    try:
        if has_begun and not stop_requested():
            is_new = any(job.action != Action.REUSE for job in jobs)  # others have their models
            if is_new and sweep.models.which != Models.NONE:
                exporter = _start_export(sweep)
            result = _compared(sweep, jobs)
    finally:
        with defer_stop():
            if not (error or stop_requested()):  # else the same command goes on from these
                for name in filter(None, (job.tags.get(LEFT) for job in jobs)):
                    sweep.index.checkpoint(name).unlink(missing_ok=True)
            has_bug = isinstance(result, InputError)
            _end(sweep, jobs, Status.FAILED if error or failed or has_bug else Status.FINISHED)
    if result and not isinstance(result, InputError):
        _print_result(result, sweep)
        if models := _published(sweep, exporter):
            logs.to_stderr(models)
    if has_begun:
        logs.to_stderr(job_counts(jobs))
    if failed:
        logs.to_stderr(failure_table(failed, journal.folder))
    if isinstance(result, InputError):
        raise result
    return len(failed)


def _end(sweep: BegunSweep, jobs: Sequence[JobRecord], status: Status) -> None:
    """Write the end of a sweep, unless its last job did, and tell of an interrupt."""
    journal, is_interrupted = sweep.journals.sweep, stop_requested()
    if not ((own := fold(journal)) and own.has_ended):
        end(journal, Status.KILLED if is_interrupted else status)
    if is_interrupted:
        done = sum(job.status == Status.FINISHED for job in jobs)
        of = f"{done} of {sweep.jobs or len(jobs)} jobs"
        logs.to_stderr(f"Interrupted: {of} are finished; {sweep.hint}.")


def _all_jobs(sweep: BegunSweep) -> list[JobRecord]:
    """Return the records of a sweep's jobs; of those that left none here the server is asked."""
    jobs = sweep.journals.end_gone_jobs()
    if len(jobs) == sweep.jobs or stop_requested():
        return jobs
    start_uploader().attempt("fetch_jobs", [job.number for job in jobs])
    return sweep.journals.end_gone_jobs()


def _start_export(sweep: BegunSweep) -> Exporter | None:
    """Let processes get ready to export models while the jobs are compared."""
    if sweep.exports:
        with suppress(JobError):  # no process can be had
            return Exporter(sweep.models.allowed)
    start_uploader().attempt("prepare_models")
    return None


def _published(sweep: BegunSweep, exporter: Exporter | None) -> str:
    """Make MLflow models of what was delivered; return what is to be told of them."""
    models, uploader = sweep.models, start_uploader()
    try:
        with TemporaryDirectory() as name:
            folder, programs = Path(name), {}
            if exporter:
                runs = uploader.call("with_runs", partial(models.fetch, folder=folder))
                programs = exporter.export(runs, folder) if runs else {}
            return str(uploader.call("with_runs", partial(models.publish, programs=programs)))
    except InputError as error:
        return f"warning: {error}"


def _compared(sweep: BegunSweep, jobs: Sequence[JobRecord]) -> "Result | InputError | None":
    """Compare jobs and write the report; a failure is printed, and costs only that."""
    try:
        return conclude_jobs(sweep.journals, jobs, sweep.index, sweep.compare, sweep.report)
    except (InputError, OSError) as error:
        logs.to_stderr(f"No comparison: {root_cause(error)}")
        return None
    except Exception as bug:  # a bug must not cost the sweep its end
        traceback.print_exc()
        return InputError(f"no comparison: {type(bug).__name__}: {bug}")


def _print_result(result: "Result", sweep: BegunSweep) -> None:
    """Print tables and verdict, and where the report lies once the rest is sent."""
    from src.answers import record
    from src.compare import terminal

    with suppress(*OUTPUT_CLOSED):
        terminal.print_result(result, sweep.report["command"])
    place = start_uploader().attempt("deliver")
    logs.to_stderr(place or f"Report: {record.report_page(sweep.journals.sweep.folder)}")
