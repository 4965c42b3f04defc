"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig
from rich.console import Console

from src import plan, provenance
from src.composing import (
    compose_jobs,
    job_overrides,
    question,
    share_compositions,
    varying,
)
from src.config import flatten
from src.data.availability import settle
from src.errors import InputError, JobError
from src.journal import Journal
from src.outcomes import settled
from src.progress import failure_table
from src.relay import Relay
from src.sender import PATIENCE_SECONDS, open_store, send, send_all
from src.signals import in_one_piece, to_take_apart, told_to_stop

if TYPE_CHECKING:
    from src.tracking import Store


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    journal: Journal
    settings: Mapping[str, Any]  # the resolved config of its first job
    jobs: int | None  # None: the sweeper decides as it goes
    relay: Relay | None  # None: the jobs talk to the tracking server themselves

    @property
    def run_id(self) -> str:
        return self.journal.sent.run_id

    def connect(self) -> "Store":
        """Where it is tracked."""
        return open_store(self.settings["tracking"])


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
    connect = partial(open_store, settings["tracking"])
    store = connect()
    if config.dry_run:
        plan.show(store, jobs, [_label(job, varied) for job in overrides])
        raise SystemExit(0)
    _end_abandoned(store)
    journal = Journal(Path(config.hydra.sweep.dir))
    tags = {"kind": "sweep", "job": os.urandom(8).hex(), **provenance.tags(), **provenance.report()}
    params = flatten({"compare": settings["compare"]})
    journal.append("start", name=question(config), tags=tags, params=params)
    relay = None
    if config.hydra.launcher.get("relay"):
        relay = Relay(journal.folder, connect)
        shared.append(f"sweep.relay='{relay.address}'")
    else:
        to_take_apart.set()
    sweep = Sweep(journal, settings, len(overrides) or None, relay)
    with in_one_piece():  # from here on there is a run to close
        send(journal, connect)
        _begun.append(sweep)
    shared.append(f"sweep.run_id={sweep.run_id}")
    if overrides:
        shared.append(f"sweep.varying=[{','.join(varied)}]")
    threading.Thread(target=_prepare_answer, daemon=True).start()


def _prepare_answer() -> None:
    from src import answer

    answer.prepare()


def _end_abandoned(store: "Store") -> None:
    """Mark as KILLED what processes of this host that are gone left RUNNING."""
    from src import records, tracking

    for run in records.running(store, provenance.host()):
        if not provenance.is_alive(run.data.tags["process"]):
            tracking.end(store, run.info.run_id, "KILLED", "its process was gone")


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
    if sweep.relay:
        sweep.relay.close()
    jobs = [job for job in settled(sweep.journal.folder) if job.journal.path != sweep.journal.path]
    failed = [job for job in jobs if job.has_failed]
    is_compared = False
    try:
        ended = [job.journal for job in jobs if job.status != "RUNNING"]
        send_all(ended, sweep.connect, 0 if told_to_stop.is_set() else PATIENCE_SECONDS)
        is_compared = not told_to_stop.is_set() and _compare(sweep)
    finally:
        with in_one_piece():
            is_interrupted = told_to_stop.is_set()
            status = "KILLED" if is_interrupted else "FAILED" if error or failed else "FINISHED"
            sweep.journal.append("end", status=status, tags={"outcome": status.lower()})
            _close(sweep, is_compared)
            if is_interrupted:
                done = sum(job.status == "FINISHED" for job in jobs)
                _say(
                    f"Interrupted: {done} of {sweep.jobs or len(jobs)} jobs are finished; "
                    "the same command continues."
                )
    if failed:
        Console(stderr=True).print(failure_table(failed, sweep.journal.folder))
    return len(failed)


def _compare(sweep: Sweep) -> bool:
    from src import answer, tracking

    try:
        answer.give(sweep.connect(), sweep.journal, sweep.settings["compare"])
        return True
    except InputError as nothing:
        _say(f"No comparison: {nothing}")
    except tracking.UNREACHABLE:
        pass  # which is told when the journal cannot be sent either
    return False


def _close(sweep: Sweep, is_compared: bool) -> None:
    from src import tracking

    try:
        send(sweep.journal, sweep.connect)
        if is_compared:
            from src import answer

            _say(answer.where(sweep.connect(), sweep.run_id))
    except (InputError, *tracking.UNREACHABLE) as outage:
        reason = " ".join(str(outage).split())[:200]
        _say(
            f"warning: the tracking server does not answer ({reason}); when it does, "
            f"`python -m src.sync` and `python -m src.compare {sweep.run_id}` give the answer"
        )


def _say(line: str) -> None:
    Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)


def _label(job: Sequence[Override], varied: Sequence[str]) -> str:
    return " ".join(override.input_line for override in job if override.key_or_group in varied)
