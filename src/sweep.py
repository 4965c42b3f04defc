"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from src import provenance
from src.config import Resolved, flatten, resolve
from src.data.availability import settle
from src.errors import InputError
from src.journal import Journal
from src.sender import open_store, send

if TYPE_CHECKING:
    from src.tracking import Store

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


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
        return self.journal.sent[1]


_begun: list[Sweep] = []  # the multirun of this process, between begin and finish


class Hooks(Callback):
    """What happens before the first job: Hydra calls it with the config it has composed."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check a single run before a directory or an MLflow run is made for it."""
        with _refusing():
            single = _resolved(config)
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
    overrides = job_overrides(config)
    jobs = [_resolved(cfg) for cfg in compose_jobs(config, overrides)]
    if settle(job.tree["data"] for job in jobs):
        shared.append("sweep.fallback=true")
        jobs = [_resolved(cfg) for cfg in compose_jobs(config, overrides)]
    varying = _varying(overrides)
    settings = jobs[0].tree
    connect = partial(open_store, settings["tracking"])
    store = connect()
    if config.dry_run:
        _print_plan(store, jobs, [_label(job, varying) for job in overrides])
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
        shared.append(f"sweep.varying=[{','.join(varying)}]")
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


def job_overrides(config: DictConfig) -> list[list[Override]]:
    """The overrides of each job; none where the sweeper decides them as it goes."""
    loader = GlobalHydra.instance().config_loader()
    if config.hydra.sweeper._target_ != BASIC_SWEEPER:
        return []
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=loader)
    swept = parser.parse_overrides([*params, *config.hydra.overrides.task])
    (jobs,) = BasicSweeper.split_arguments(swept, max_batch_size=None)
    return [parser.parse_overrides(job) for job in jobs]


def compose_jobs(config: DictConfig, jobs: Sequence[Sequence[Override]]) -> Iterator[DictConfig]:
    """Each job's config; jobs with the same groups share a composition, Hydra's slowest step."""
    if not jobs:
        yield config
    loader = GlobalHydra.instance().config_loader()
    composed: dict[tuple[str, ...], DictConfig] = {}
    for job in jobs:
        plain = [o for o in job if not _needs_composition(o)]
        groups = tuple(o.input_line for o in job if _needs_composition(o))
        if groups not in composed:
            composed[groups] = loader.load_sweep_config(config, list(groups))
        cfg = deepcopy(composed[groups])
        for override in plain:
            OmegaConf.update(cfg, override.key_or_group, override.value())
        yield cfg


def _needs_composition(override: Override) -> bool:
    options = GlobalHydra.instance().config_loader().get_group_options
    special = override.type.name != "CHANGE" or override.package or override.is_hydra_override()
    return bool(special or options(override.key_or_group, ObjectType.CONFIG))


def _resolved(config: DictConfig) -> Resolved:
    choices = config.hydra.runtime.choices
    cfg = config.copy()
    with open_dict(cfg):
        del cfg["hydra"]
    return resolve(cfg, choices)


def _varying(jobs: Sequence[Sequence[Override]]) -> list[str]:
    """The keys whose override differs between jobs, in the order in which they were given."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for override in job:
            values.setdefault(override.key_or_group, set()).add(override.input_line)
    return [key for key, found in values.items() if len(found) > 1]


def _label(job: Sequence[Override], varying: Sequence[str]) -> str:
    return " ".join(override.input_line for override in job if override.key_or_group in varying)


def _name(config: DictConfig) -> str:
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    return " ".join([*config.hydra.overrides.task, *params]) or "sweep"


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Refused from error
