"""The jobs of a multirun and the config of each, composed once for each choice of groups."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from src.config import Resolved, experiment_overrides, resolve

BASIC_SWEEPER = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"


class SharingLoader(ConfigLoaderImpl):
    """Hydra's loader, except that jobs with the same groups share a composition.

    Hydra composes each job twice, 70 ms a time, and most jobs of a sweep differ in values
    alone, which are set after the composition anyway.
    """

    def __init__(self, loader: ConfigLoaderImpl) -> None:
        self.__dict__.update(vars(loader))
        self.composed: dict[tuple[str, ...], bytes] = {}
        self.groups: dict[str, bool] = {}
        self.parsed: dict[str, Override] = {}

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: Sequence[str]
    ) -> DictConfig:
        """The config of a job, equal to what Hydra's own loader makes."""
        shared = OmegaConf.to_container(master_config.hydra.overrides.hydra)
        overrides = self.parse([*shared, *sweep_overrides])
        choices = [o.input_line for o in overrides if self._is_composed(o)]
        cfg = self._composition(master_config.hydra.job.config_name, choices)
        self._apply_overrides_to_config([o for o in overrides if not self._is_composed(o)], cfg)
        job, shown = cfg.hydra.job, [o for o in overrides if not o.is_hydra_override()]
        cfg.hydra.overrides.task = [o.input_line for o in shown]
        job.override_dirname = get_overrides_dirname(shown, **job.config.override_dirname)
        OmegaConf.copy_cache(from_config=master_config, to_config=cfg)
        return cfg

    def parse(self, lines: Sequence[str]) -> list[Override]:
        """Overrides as they were typed; each is parsed once, for that takes a millisecond."""
        new = [line for line in lines if line not in self.parsed]
        parser = OverridesParser.create(config_loader=self)
        self.parsed.update(zip(new, parser.parse_overrides(new), strict=True))
        return [self.parsed[line] for line in lines]

    def _composition(self, name: str, choices: list[str]) -> DictConfig:
        key = (name, *choices)
        if key not in self.composed:
            cfg = self.load_configuration(name, choices, RunMode.RUN)
            self.composed[key] = cloudpickle.dumps(cfg)  # four times as fast to copy as deepcopy
        return pickle.loads(self.composed[key])

    def _is_composed(self, override: Override) -> bool:
        key = override.key_or_group
        if key not in self.groups:
            self.groups[key] = bool(self.get_group_options(key, ObjectType.CONFIG))
        return self.groups[key] or override.package is not None or override.is_hydra_override()


def share_compositions() -> None:
    """Let all that composes in this multirun, the sweeper and the workers too, share the work."""
    hydra = GlobalHydra.instance().hydra
    hydra.config_loader = SharingLoader(hydra.config_loader)


def job_overrides(config: DictConfig) -> list[list[Override]]:
    """The overrides of each job; none where the sweeper decides them as it goes."""
    if config.hydra.sweeper._target_ != BASIC_SWEEPER:
        return []
    loader: SharingLoader = GlobalHydra.instance().config_loader()
    swept = loader.parse([*sweeper_params(config), *config.hydra.overrides.task])
    (jobs,) = BasicSweeper.split_arguments(swept, max_batch_size=None)
    return [loader.parse(job) for job in jobs]


def question(config: DictConfig) -> str:
    """The question as it was typed, without where data and results lie."""
    typed = list(config.hydra.overrides.task)
    keys = {override.partition("=")[0] for override in typed}
    own = [param for param in sweeper_params(config) if param.partition("=")[0] not in keys]
    return " ".join(experiment_overrides([*typed, *own])) or "sweep"


def sweeper_params(config: DictConfig) -> list[str]:
    """What the config itself sweeps over, as overrides."""
    params: Mapping[str, Any] = config.hydra.sweeper.get("params") or {}
    return [f"{key}={value}" for key, value in params.items()]


@dataclass(frozen=True)
class Composed:
    """One job of a multirun before it is trained."""

    config: Resolved
    folder: Path | None  # where it is to write; None: the sweeper has not said which jobs there are
    sweeps: bool  # whether its own config names values to sweep


def compose_jobs(config: DictConfig, jobs: Sequence[Sequence[Override]]) -> list[Composed]:
    """Each job's config, checked; of `config` alone where the jobs are not known.

    Raises InputError, or Hydra's own error, for the first that is wrong.
    """
    loader = GlobalHydra.instance().config_loader()
    if not jobs:
        return [Composed(resolved(config), None, sweeps=True)]
    lines = ([override.input_line for override in job] for job in jobs)
    configs = (loader.load_sweep_config(config, job) for job in lines)
    return [_composed(cfg, number) for number, cfg in enumerate(configs)]


def _composed(cfg: DictConfig, number: int) -> Composed:
    with open_dict(cfg.hydra.job):
        cfg.hydra.job.num = cfg.hydra.job.id = number
    folder = Path(cfg.hydra.sweep.dir, str(cfg.hydra.sweep.subdir))
    return Composed(resolved(cfg), folder.absolute(), bool(sweeper_params(cfg)))


def resolved(config: DictConfig) -> Resolved:
    """A job's config, of all that Hydra has composed."""
    return resolve(config, config.hydra.runtime.choices)


def varying(jobs: Sequence[Sequence[Override]]) -> list[str]:
    """The keys whose override differs between jobs, in the order in which they were given."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for override in job:
            values.setdefault(override.key_or_group, set()).add(override.input_line)
    return [key for key, found in values.items() if len(found) > 1]
