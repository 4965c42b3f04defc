"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig
from rich.console import Console

from src import provenance
from src.config import flatten
from src.data.availability import settle
from src.errors import InputError, JobError
from src.progress import failure_table
from src.signals import in_one_piece, to_take_apart, told_to_stop
from src.sweep import plan
from src.sweep.composing import (
    compose_jobs,
    job_overrides,
    question,
    share_compositions,
    varying,
)
from src.tracking import serving
from src.tracking.journal import Journal
from src.tracking.outcomes import Outcome, settled
from src.tracking.sender import destination, open_store
from src.tracking.sidecar import Sidecar, start_sidecar

BASIC_LAUNCHER = f"{BasicLauncher.__module__}.{BasicLauncher.__qualname__}"


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    journal: Journal
    jobs: int | None  # None: the sweeper decides as it goes
    sidecar: Sidecar


_begun: list[Sweep] = []  # the multirun of this process, between begin and finish


def begin(config: DictConfig) -> None:
    """Check all jobs, settle the data for all of them, and make the parent run.

    What the jobs share reaches them, whatever the launcher, as overrides of Hydra's own.
    """
    shared = config.hydra.overrides.hydra
    if config.threads == "auto" and "threads" in config.hydra.launcher:
        shared.append(f"threads={config.hydra.launcher.threads}")
    share_compositions()
    overrides = job_overrides(config)
    jobs = compose_jobs(config, overrides)
    if settle(job.tree["data"] for job in jobs):
        shared.append("sweep.fallback=true")
        jobs = compose_jobs(config, overrides)
    varied = varying(overrides)
    settings = jobs[0].tree
    if config.dry_run:
        if not overrides:
            raise InputError("dry_run=true: this sweeper decides on its jobs as it goes")
        labels = [_label(job, varied) for job in overrides]
        plan.show(open_store(settings["tracking"]), jobs, labels)
        raise SystemExit(0)
    journal = Journal(Path(config.hydra.sweep.dir))
    journal.check_unused("hydra.sweep.dir")
    sidecar, key = start_sidecar(), None
    if _wants_relay(config.hydra.launcher):
        key = bytes(current_process().authkey)
    else:
        to_take_apart.set()
    sidecar.send(serving.serve_sweep, settings["tracking"], settings["compare"], key)
    sidecar.receive()
    tags = {"kind": "sweep", "job": os.urandom(8).hex(), **provenance.tags(), **provenance.report()}
    params = flatten({"compare": settings["compare"]})
    with in_one_piece():  # from here on there is something to finish
        where = destination(settings["tracking"])
        journal.append("start", name=question(config), tags=tags, params=params, tracking=where)
        sidecar.send(journal.folder, provenance.report())
        _begun.append(Sweep(journal, len(overrides) or None, sidecar))
    run_id, relay = sidecar.receive()
    shared.append(f"sweep.run_id={run_id}")
    if relay:
        shared.append(f"sweep.relay='{relay}'")
    if overrides:
        shared.append(f"sweep.varying=[{','.join(varied)}]")


def _wants_relay(launcher: DictConfig) -> bool:
    """Whether one process talks for all jobs, which it can for those on this machine."""
    return launcher.get("relay", launcher._target_ == BASIC_LAUNCHER)


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
    provenance.forget_credentials(journal.folder)
    try:
        _close(sweep, jobs, error)
    finally:
        if failed and not told_to_stop.is_set():
            Console(stderr=True).print(failure_table(failed, journal.folder))
    return len(failed)


def _close(sweep: Sweep, jobs: Sequence[Outcome], error: BaseException | None) -> None:
    journal, sidecar = sweep.journal, sweep.sidecar
    has_failed = error is not None or any(job.has_failed for job in jobs)
    answer: list[dict[str, Any]] = []  # what the journal is to hold of it
    try:
        sidecar.send(told_to_stop.is_set())
        if not told_to_stop.is_set():
            answer = sidecar.receive()
    finally:
        with in_one_piece():
            is_interrupted = told_to_stop.is_set()
            for event in answer:
                journal.append(**event)
            status = "KILLED" if is_interrupted else "FAILED" if has_failed else "FINISHED"
            journal.append("end", status=status, tags={"outcome": status.lower()})
            sidecar.send(not is_interrupted)
            if is_interrupted:
                done = sum(job.status == "FINISHED" for job in jobs)
                of = f"{done} of {sweep.jobs or len(jobs)} jobs"
                hint = "the same command continues"
                print(f"Interrupted: {of} are finished; {hint}.", file=sys.stderr)
    sidecar.receive()


def _label(job: Sequence[Override], varied: Sequence[str]) -> str:
    return " ".join(override.input_line for override in job if override.key_or_group in varied)
