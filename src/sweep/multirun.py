"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig
from rich.console import Console

from src import provenance
from src.config import flatten
from src.data.availability import settle
from src.errors import InputError, JobError
from src.hydra_internals import BASIC_LAUNCHER, add_overrides, share_compositions
from src.process_exit import require_normal_shutdown
from src.progress import failure_table
from src.signals import defer_stop, stop_requested
from src.sweep import plan
from src.sweep.checks import check_jobs, check_parts, check_settings
from src.sweep.compose import (
    Composed,
    compose_jobs,
    job_overrides,
    question,
    varying,
)
from src.sweep.secrets import hide_secrets, make_private
from src.tracking import serving
from src.tracking.journal import Journal
from src.tracking.outcomes import Outcome, settled
from src.tracking.sender import destination, open_store
from src.tracking.sidecar import Sidecar, start_sidecar

HINT = {True: "the same command continues", False: "the same command with reuse=true continues"}


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    journal: Journal
    jobs: int | None  # None: the sweeper decides as it goes
    sidecar: Sidecar
    hint: str  # what the same command would do


_begun: list[Sweep] = []  # the multirun of this process, between begin and finish


def begin(config: DictConfig) -> None:
    """Check all jobs, settle the data for all of them, and make the parent run.

    What the jobs share reaches them, whatever the launcher, as overrides of Hydra's own.
    """
    hide_secrets(config)
    hydra = config.hydra
    check_settings(hydra)
    is_basic = hydra.launcher._target_ == BASIC_LAUNCHER
    if config.threads == "auto" and not is_basic:  # jobs share the cores
        add_overrides(config, f"threads={hydra.launcher.get('threads', 1)}")
    share_compositions()
    overrides = job_overrides(config)
    varied = varying(overrides)
    jobs = _composed(config, overrides)
    journal = Journal(Path(hydra.sweep.dir))
    journal.check_unused("hydra.sweep.dir")
    check_jobs(jobs, varied, journal.folder)
    settings = jobs[0].config.tree
    labels = [_label(job, varied) for job in overrides]
    planned = {label: job.config.flat for label, job in zip(labels, jobs, strict=False)}
    if config.dry_run:
        _show_plan(jobs, labels, planned)
    sidecar, key = start_sidecar(), None
    if hydra.launcher.get("relay", is_basic):  # one process talks for all jobs on this machine
        key = bytes(current_process().authkey)
    else:
        require_normal_shutdown()
    sidecar.send(serving.serve_sweep, settings["tracking"], settings["compare"], planned, key)
    is_warm = "src.job" in hydra.launcher.get("preload", ())
    check_parts(jobs, is_here=is_basic or is_warm, is_warm=is_warm)
    sidecar.receive()
    _begin(config, settings, journal, sidecar, len(overrides) or None)
    run_id, relay = sidecar.receive()
    add_overrides(config, f"sweep.run_id={run_id}")
    if relay:
        quoted = relay.replace("'", r"\'")
        add_overrides(config, f"sweep.relay='{quoted}'")
    if overrides:
        add_overrides(config, f"sweep.varying=[{','.join(varied)}]")


def _composed(config: DictConfig, overrides: Sequence[Sequence[Override]]) -> list[Composed]:
    """The jobs, composed for the data that are there."""
    jobs = compose_jobs(config, overrides)
    if settle(job.config.tree["data"] for job in jobs):
        add_overrides(config, "sweep.fallback=true")
        jobs = compose_jobs(config, overrides)
    return jobs


def _show_plan(
    jobs: Sequence[Composed], labels: Sequence[str], planned: Mapping[str, Mapping[str, str]]
) -> NoReturn:
    from src import answer

    if not labels:
        raise InputError("dry_run=true: this sweeper decides on its jobs as it goes")
    check_parts(jobs, is_here=True, is_warm=False)
    configs = [job.config for job in jobs]
    settings = configs[0].tree
    note = answer.foreseen(planned, settings["compare"])
    plan.show(open_store(settings["tracking"]), configs, labels)
    if note:
        print(f"note: {note}")
    raise SystemExit(0)


def _begin(
    config: DictConfig,
    settings: Mapping[str, Any],
    journal: Journal,
    sidecar: Sidecar,
    jobs: int | None,
) -> None:
    """Write that the sweep has begun, from where on there is something to finish."""
    tags = {
        "kind": "sweep",
        "job": os.urandom(8).hex(),
        "folder": str(journal.folder.absolute()),
        **provenance.tags(),
        **provenance.report(),
    }
    params = flatten({"compare": settings["compare"]})
    with defer_stop():
        where = destination(settings["tracking"])
        journal.begin(name=question(config), tags=tags, params=params, tracking=where)
        make_private(journal.folder)
        sidecar.send(journal.folder, provenance.report())
        _begun.append(Sweep(journal, jobs, sidecar, HINT[settings["reuse"]]))


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
    """Close the multirun that this process began: compare its jobs, tell and keep the answer.

    `error` is what ended it early, if anything did. Returns how many jobs failed.
    """
    if not _begun:
        return 0
    sweep = _begun.pop()
    journal = sweep.journal
    jobs = [job for job in settled(journal.folder) if job.journal.path != journal.path]
    failed = [job for job in jobs if job.has_failed]
    try:
        _close(sweep, jobs, error)
    finally:
        if failed and not stop_requested():
            Console(stderr=True).print(failure_table(failed, journal.folder))
    return len(failed)


def _close(sweep: Sweep, jobs: Sequence[Outcome], error: BaseException | None) -> None:
    journal, sidecar = sweep.journal, sweep.sidecar
    has_failed = error is not None or any(job.has_failed for job in jobs)
    answer: list[dict[str, Any]] = []  # what the journal is to hold of it
    try:
        sidecar.send(stop_requested())
        if not stop_requested():
            answer = sidecar.receive()
    finally:
        with defer_stop():
            is_interrupted = stop_requested()
            for event in answer:
                journal.append(**event)
            status = "KILLED" if is_interrupted else "FAILED" if has_failed else "FINISHED"
            journal.append("end", status=status, tags={"outcome": status.lower()})
            sidecar.send(not is_interrupted)
            if is_interrupted:
                done = sum(job.status == "FINISHED" for job in jobs)
                of = f"{done} of {sweep.jobs or len(jobs)} jobs"
                print(f"Interrupted: {of} are finished; {sweep.hint}.", file=sys.stderr)
    sidecar.receive()


def _label(job: Sequence[Override], varied: Sequence[str]) -> str:
    return " ".join(override.input_line for override in job if override.key_or_group in varied)
