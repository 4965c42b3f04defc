"""A multirun from its first job to its answer: begin, hand the jobs what they share, finish."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from src import provenance
from src.config import Resolved, resolve
from src.data.availability import settle
from src.journal import Journal
from src.sender import open_store, send

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class Refused(BaseException):
    """Carries an error past Hydra, which turns every Exception of a callback into a warning."""


@dataclass(frozen=True)
class Sweep:
    """A multirun that has begun."""

    run_id: str
    name: str
    journal: Journal
    config: Resolved


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
    overrides = job_overrides(config)
    jobs = [_resolved(cfg) for cfg in compose_jobs(config, overrides)]
    fallback = settle(job.tree["data"] for job in jobs)
    name = _name(config)
    journal = Journal(Path(config.hydra.sweep.dir))
    tags = {"job": os.urandom(8).hex(), "command": provenance.command(), **provenance.tags()}
    journal.append("start", name=name, tags=tags, params={"jobs": str(len(jobs))})
    send(journal, partial(open_store, jobs[0].tree["tracking"]))
    run_id = journal.sent[1]
    shared = [f"sweep.run_id={run_id}", f"sweep.fallback={str(fallback).lower()}"]
    if overrides:
        shared.append(f"sweep.varying=[{','.join(_varying(overrides))}]")
    if config.threads == "auto" and "threads" in config.hydra.launcher:
        shared.append(f"threads={config.hydra.launcher.threads}")
    config.hydra.overrides.hydra += shared
    return Sweep(run_id, name, journal, jobs[0])


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


def _name(config: DictConfig) -> str:
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    return " ".join([*config.hydra.overrides.task, *params]) or "sweep"


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Refused from error
