"""A multirun from its first job to its comparison: begin, give the jobs what they share, finish."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig
from rich.console import Console

from src import logs, provenance
from src.config import Identity
from src.data.availability import ensure_data
from src.errors import OUTPUT_CLOSED, InputError, JobError
from src.hydra_internals import BASIC_LAUNCHER, add_overrides, as_typed, share_compositions
from src.process_exit import require_normal_shutdown
from src.progress import failure_table, job_counts
from src.signals import defer_stop, stop_requested
from src.sweep import dry_run
from src.sweep.accompany import accompany_sweep, look_elsewhere
from src.sweep.compose import (
    Composed,
    compose_jobs,
    job_overrides,
    question,
    varying,
)
from src.sweep.preflight import check_jobs, check_parts, check_settings
from src.sweep.secrets import hide_secrets, make_private
from src.tracking.job_record import JobRecord, Status
from src.tracking.journal import Journal
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.run_logger import sweep_start
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader_process import UploaderProcess, start_uploader

HINT = {True: "the same command continues", False: "the same command with reuse=true continues"}


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    journals: SweepJournals
    jobs: int | None  # None: the sweeper decides as it goes
    uploader: UploaderProcess
    hint: str  # what the same command would do


_begun: list[Sweep] = []  # the multirun of this process, between begin and finish


def begin(config: DictConfig) -> None:
    """Check all jobs, settle the data for all of them, and begin the sweep's journal.

    What the jobs share reaches them, whatever the launcher, as overrides of Hydra's own.
    """
    hide_secrets(config)
    hydra = config.hydra
    logs.show(hydra.verbose)
    check_settings(hydra)
    is_basic = hydra.launcher._target_ == BASIC_LAUNCHER
    if config.threads == "auto" and not is_basic:  # jobs share the cores
        add_overrides(config, f"threads={hydra.launcher.get('threads', 1)}")
    share_compositions()
    overrides = job_overrides(config)
    varied = varying(overrides)
    jobs = _composed(config, overrides)
    journal = Journal(Path(hydra.sweep.dir))
    check_jobs(jobs, varied, journal.folder)
    settings = jobs[0].config.tree
    labels = [_label(job, varied) for job in overrides]
    planned = {label: job.config.flat for label, job in zip(labels, jobs, strict=False)}
    index = ResultIndex.of(settings)
    uploader, compare = start_uploader(), settings["compare"]
    if config.dry_run:
        typed = [as_typed(job) for job in overrides]
        _show_plan(jobs, typed, labels, planned, index, uploader, hydra.verbose)
    sees_jobs = is_basic or hydra.launcher.get("preload") is not None  # on this machine, and ours
    if not sees_jobs:
        require_normal_shutdown()
    uploader.begin(hydra.verbose, accompany_sweep, index, compare, planned)
    is_warm = "src.job" in hydra.launcher.get("preload", ())
    identities = check_parts(jobs, is_here=is_basic or is_warm, is_warm=is_warm)
    uploader.receive()
    uploader.send(_missing(index, identities, settings["reuse"] and bool(overrides)))
    uploader.receive()
    code = {name: digest for identity in identities for name, digest in identity.code.items()}
    report = provenance.report(code)
    sweep_id = _begin(config, settings, index, uploader, len(overrides) or None, report)
    uploads = str(not sees_jobs).lower()
    add_overrides(config, f"sweep.id={sweep_id}", f"sweep.uploads={uploads}")
    if overrides:
        varying_keys = ",".join(varied)
        add_overrides(config, f"sweep.varying=[{varying_keys}]", f"sweep.code={_mapping(code)}")


def _composed(config: DictConfig, overrides: Sequence[Sequence[Override]]) -> list[Composed]:
    """The jobs, composed for the data that are there."""
    jobs = compose_jobs(config, overrides)
    if ensure_data(job.config.tree["data"] for job in jobs):
        add_overrides(config, "sweep.fallback=true")
        jobs = compose_jobs(config, overrides)
    return jobs


def _mapping(words: Mapping[str, str]) -> str:
    """Return a mapping as Hydra reads it in an override; quoted, no digest is read as a number."""
    return "{" + ",".join(f"{key}:'{word}'" for key, word in words.items()) + "}"


def _missing(index: ResultIndex, identities: Sequence[Identity], reuse: bool) -> list[str]:
    """Return the fingerprints without a result here, for which the server may have one."""
    wanted = {identity.fingerprint for identity in identities} if reuse else set()
    return [fingerprint for fingerprint in wanted if not index.find(fingerprint)]


def _show_plan(
    jobs: Sequence[Composed],
    typed: Sequence[Sequence[str]],
    labels: Sequence[str],
    planned: Mapping[str, Mapping[str, str]],
    index: ResultIndex,
    uploader: UploaderProcess,
    verbose: Any,
) -> NoReturn:
    if not labels:
        raise InputError("dry_run=true: this sweeper decides on its jobs as it goes")
    settings = jobs[0].config.tree
    identities = check_parts(jobs, is_here=True, is_warm=False)
    if missing := _missing(index, identities, settings["reuse"]):
        uploader.begin(verbose, look_elsewhere, index, missing)
        uploader.receive()
    from src.compare.recorded_jobs import power_note

    note = power_note(planned, settings["compare"])
    configs = [job.config for job in jobs]
    dry_run.show(list(dry_run.plan(index, configs, identities, typed)), labels)
    if note:
        print(f"note: {note}")
    raise SystemExit(0)


def _begin(
    config: DictConfig,
    settings: Mapping[str, Any],
    index: ResultIndex,
    uploader: UploaderProcess,
    jobs: int | None,
    report: Mapping[str, str],
) -> str:
    """Write that the sweep has begun, from where on there is something to finish; return its id."""
    journal = Journal(Path(config.hydra.sweep.dir))
    start = sweep_start(question(config), journal.folder, settings, report)
    sweep_id = start["tags"]["job"]
    with defer_stop():
        journal.begin(**start)
        make_private(journal.folder)
        index.open(sweep_id, journal)
        uploader.send(journal.folder, report)
        _begun.append(Sweep(SweepJournals(journal), jobs, uploader, HINT[settings["reuse"]]))
    return sweep_id


@contextmanager
def finishing() -> Iterator[None]:
    """Close the multirun of the body, however it ends. Raises JobError when jobs failed.

    What failed them is told then; where in the launcher that came up would say nothing.
    """
    try:
        yield
    except BaseException as error:
        failed = finish(error)
        if isinstance(error, Exception) and failed:
            raise JobError(f"{failed} jobs failed; the same command tries them again") from error
        raise
    if failed := finish(None):
        raise JobError(f"{failed} jobs failed; the same command tries them again")


def finish(error: BaseException | None) -> int:
    """Close the multirun that this process began: compare its jobs, print and keep the result.

    `error` is what ended it early, if anything did. Returns how many jobs failed.
    """
    if not _begun:
        return 0
    sweep = _begun.pop()
    jobs = sweep.journals.settle()
    failed = [job for job in jobs if job.has_failed]
    try:
        _close(sweep, jobs, error)
    finally:
        if not stop_requested():
            console = Console(stderr=True, soft_wrap=True)
            with suppress(*OUTPUT_CLOSED):
                console.print(job_counts(jobs), highlight=False)
                if failed:
                    console.print(failure_table(failed, sweep.journals.sweep.folder))
    return len(failed)


def _close(sweep: Sweep, jobs: Sequence[JobRecord], error: BaseException | None) -> None:
    journal, uploader = sweep.journals.sweep, sweep.uploader
    has_failed = error is not None or any(job.has_failed for job in jobs)
    try:
        uploader.send(stop_requested())
        if not stop_requested():
            uploader.receive()
    finally:
        with defer_stop():
            is_interrupted = stop_requested()
            failure = Status.KILLED if is_interrupted else Status.FAILED
            status = failure if is_interrupted or has_failed else Status.FINISHED
            end(journal, status)
            uploader.send(not is_interrupted)
            if is_interrupted:
                done = sum(job.status == Status.FINISHED for job in jobs)
                of = f"{done} of {sweep.jobs or len(jobs)} jobs"
                print(f"Interrupted: {of} are finished; {sweep.hint}.", file=sys.stderr)
    uploader.receive()


def _label(job: Sequence[Override], varied: Sequence[str]) -> str:
    return " ".join(as_typed([o for o in job if o.key_or_group in varied]))
