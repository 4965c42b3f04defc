"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from src import provenance
from src.composing import (
    compose_jobs,
    job_overrides,
    resolved,
    share_compositions,
    sweeper_params,
    varying,
)
from src.config import Resolved, flatten
from src.data.availability import settle
from src.errors import InputError
from src.journal import Journal
from src.sender import open_store, send

if TYPE_CHECKING:
    from src.tracking import Store


class Refused(BaseException):
    """Carries an error past Hydra, which turns every Exception of a callback into a warning."""


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    journal: Journal
    settings: Mapping[str, Any]  # the resolved config of its first job
    jobs: int | None  # None: the sweeper decides as it goes

    @property
    def run_id(self) -> str:
        return self.journal.sent.run_id


_begun: list[Sweep] = []  # the multirun of this process, between begin and finish


class Hooks(Callback):
    """What happens before the first job: Hydra calls it with the config it has composed."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check a single run before a directory or an MLflow run is made for it."""
        with _refusing():
            single = resolved(config)
            config.sweep.fallback = settle([single.tree["data"]])
            open_store(single.tree["tracking"])

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every job of a multirun, then begin it."""
        with _refusing():
            _begun.append(begin(config))


def begin(config: DictConfig) -> Sweep:
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
    connect = partial(open_store, settings["tracking"])
    store = connect()
    if config.dry_run:
        _print_plan(store, jobs, [_label(job, varied) for job in overrides])
        raise SystemExit(0)
    _end_abandoned(store)
    journal = Journal(Path(config.hydra.sweep.dir))
    tags = {"kind": "sweep", "job": os.urandom(8).hex(), **provenance.tags(), **provenance.report()}
    params = flatten({"compare": settings["compare"]})
    journal.append("start", name=_name(config), tags=tags, params=params)
    send(journal, connect)
    sweep = Sweep(journal, settings, len(overrides) or None)
    shared.append(f"sweep.run_id={sweep.run_id}")
    if overrides:
        shared.append(f"sweep.varying=[{','.join(varied)}]")
    return sweep


def _print_plan(store: "Store", jobs: Sequence[Resolved], labels: Sequence[str]) -> None:
    """What a sweep would do with each job."""
    from src import job, records

    counts = Counter()
    for config, label in zip(jobs, labels, strict=True):
        fingerprint = job.prepare(config).fingerprint(config)
        checkpoint = Path(config.tree["checkpoints"]) / f"{fingerprint}.pt"
        if config.tree["reuse"] and records.finished(store, fingerprint):
            fate = "reuse"
        elif config.tree["reuse"] and checkpoint.exists():
            fate = "resume"
        else:
            fate = "train"
        counts[fate] += 1
        print(f"{fate:7} {label}")
    print(", ".join(f"{counts[fate]} to {fate}" for fate in ("reuse", "resume", "train")))


def _end_abandoned(store: "Store") -> None:
    """Mark as KILLED what processes of this host that are gone left RUNNING."""
    from src import records, tracking

    for run in records.running(store, provenance.host()):
        if not provenance.is_alive(run.data.tags["process"]):
            tracking.end(store, run.info.run_id, "KILLED", "its process was gone")


@contextmanager
def finishing() -> Iterator[None]:
    """Close the multirun of the body, however it ends."""
    try:
        yield
    except BaseException as error:
        finish(error)
        raise
    finish(None)


def finish(error: BaseException | None) -> None:
    """Close the multirun that this process began: compare its jobs, tell and keep the answer.

    `error` is what ended it early, if anything did.
    """
    if not _begun:
        return
    from src import answer, records, tracking

    sweep = _begun.pop()
    journal, settings = sweep.journal, sweep.settings
    try:
        store = open_store(settings["tracking"])
        jobs = records.sweep_jobs(store, sweep.run_id)
        status = _status(sweep, jobs, error)
        try:
            comparison = answer.compare_jobs(store, jobs, settings["compare"])
            for event in answer.events(comparison, journal.folder, provenance.report()):
                journal.append(**event)
            answer.tell(comparison)
        except InputError as nothing:
            _say(f"No comparison: {nothing}")
        journal.append("end", status=status, tags={})
        send(journal, lambda: store)
        _say(answer.where(store, sweep.run_id))
    except (InputError, *tracking.UNREACHABLE) as outage:
        reason = " ".join(str(outage).split())[:200]
        _say(
            f"warning: the tracking server does not answer ({reason}); when it does, "
            f"`python -m src.sync` and `python -m src.compare {sweep.run_id}` give the answer"
        )


def _status(sweep: Sweep, jobs: Sequence[Any], error: BaseException | None) -> str:
    finished = sum(job.info.status == "FINISHED" for job in jobs)
    total = sweep.jobs or len(jobs)
    if isinstance(error, KeyboardInterrupt):
        _say(f"Interrupted: {finished} of {total} jobs are finished; the same command continues.")
        return "KILLED"
    return "FINISHED" if error is None and finished == total else "FAILED"


def _say(line: str) -> None:
    Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)


def _label(job: Sequence[Override], varied: Sequence[str]) -> str:
    return " ".join(override.input_line for override in job if override.key_or_group in varied)


def _name(config: DictConfig) -> str:
    return " ".join([*config.hydra.overrides.task, *sweeper_params(config)]) or "sweep"


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Refused from error
