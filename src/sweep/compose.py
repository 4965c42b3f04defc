"""The jobs of a multirun and the config of each, composed once for each choice of groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, open_dict

from src.config import Resolved, experiment_overrides, resolve
from src.hydra_internals import (
    BASIC_SWEEPER,
    as_typed,
    share_compositions,
    split_jobs,
    typed_lines,
)


def job_overrides(config: DictConfig) -> list[list[Override]]:
    """Return the overrides of each job; none where the sweeper decides them as it goes."""
    if config.hydra.sweeper._target_ != BASIC_SWEEPER:
        return []
    loader = share_compositions()
    swept = loader.parse([*sweeper_params(config), *typed_lines(config.hydra.overrides.task)])
    return [loader.parse(job) for job in split_jobs(swept)]


def question(config: DictConfig) -> str:
    """Return the question as it was typed, without paths and tracking."""
    typed = typed_lines(config.hydra.overrides.task)
    keys = {override.partition("=")[0] for override in typed}
    own = [param for param in sweeper_params(config) if param.partition("=")[0] not in keys]
    return " ".join(experiment_overrides([*typed, *own])) or "sweep"


def sweeper_params(config: DictConfig) -> list[str]:
    """Return the overrides over which the config itself sweeps."""
    params: Mapping[str, Any] = config.hydra.sweeper.get("params") or {}
    return [f"{key}={value}" for key, value in params.items()]


@dataclass(frozen=True)
class Composed:
    """One job of a multirun before it is trained."""

    config: Resolved
    folder: Path | None  # where it is to write; None: the sweeper has not said which jobs there are
    sweeps: bool  # whether its own config names values to sweep


def compose_jobs(config: DictConfig, jobs: Sequence[Sequence[Override]]) -> list[Composed]:
    """Compose and check each job's config; `config` alone where the jobs are not known.

    Raises InputError, or Hydra's own error, for the first that is wrong.
    """
    loader = GlobalHydra.instance().config_loader()
    str(config.hydra.sweep.dir)  # resolves its stamp, which the jobs then share
    if not jobs:
        return [Composed(resolved(config), None, sweeps=True)]
    configs = (loader.load_sweep_config(config, as_typed(job)) for job in jobs)
    return [_composed(cfg, number) for number, cfg in enumerate(configs)]


def _composed(cfg: DictConfig, number: int) -> Composed:
    with open_dict(cfg.hydra.job):
        cfg.hydra.job.num, cfg.hydra.job.id = number, str(number)
    folder = Path(cfg.hydra.sweep.dir, str(cfg.hydra.sweep.subdir))
    return Composed(resolved(cfg), folder.absolute(), bool(sweeper_params(cfg)))


def resolved(config: DictConfig) -> Resolved:
    """Return a job's own config from all that Hydra has composed."""
    return resolve(config, config.hydra.runtime.choices)


def varying(jobs: Sequence[Sequence[Override]]) -> list[str]:
    """Return the keys whose override differs between jobs, in the order given."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for override, line in zip(job, as_typed(job), strict=True):
            values.setdefault(override.key_or_group, set()).add(line)
    return [key for key, found in values.items() if len(found) > 1]
