"""Compositions that jobs share, where Hydra lets its values be set afterwards."""

import logging
import pickle
from collections.abc import Sequence
from typing import Any, cast

import cloudpickle
import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, read_write

from src.config.hydra_internals import as_typed, typed_lines, value_setter

# Releases in which shared and own compositions have been compared; others compare as they go.
PROVEN = ("1.3.8", "1.4.0rc3")

log = logging.getLogger(__name__)


class SharingLoader:
    """Hydra's loader in all its methods, except that jobs with the same groups share a composition.

    Hydra composes each job twice, 70 ms a time, and most jobs of a sweep differ in values
    alone, which are set after the composition anyway.
    """

    def __init__(self, loader: ConfigLoader, is_proven: bool = False) -> None:
        self.loader = loader
        self.is_proven = is_proven
        self.can_share = value_setter(loader) is not None
        self.composed: dict[tuple[str, ...], bytes] = {}
        self.groups: dict[str, bool] = {}
        self.parsed: dict[str, Override] = {}

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: Sequence[str]
    ) -> DictConfig:
        """Return the config of a job, equal to the one that Hydra's own loader makes."""
        if self.can_share:
            try:
                return self._load_shared(master_config, sweep_overrides)
            except Exception as error:  # a user's mistake: Hydra tells of it in its own words
                log.debug("no shared composition: %s", error)
        return self._load_own(master_config, sweep_overrides)

    def _load_own(self, master: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        cfg = self.loader.load_sweep_config(master, list(sweep_overrides))
        _show_typed(cfg, self.parse(sweep_overrides))
        return cfg

    def parse(self, lines: Sequence[str]) -> list[Override]:
        """Parse overrides as they were typed, each once, for that takes a millisecond."""
        new = [line for line in lines if line not in self.parsed]
        parser = OverridesParser.create(config_loader=self.loader)
        self.parsed.update(zip(new, parser.parse_overrides(new), strict=True))
        return [self.parsed[line] for line in lines]

    def _load_shared(self, master: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        common = self.parse(typed_lines(master.hydra.overrides.hydra))
        own = self.parse(sweep_overrides)
        groups = [[o for o in some if self._is_composed(o)] for some in (common, own)]
        key = tuple(line for some in groups for line in as_typed(some))
        is_new = key not in self.composed
        if is_new:
            reduced = master.copy()
            with read_write(reduced.hydra):
                reduced.hydra.overrides.hydra = as_typed(groups[0])
            composed = self.loader.load_sweep_config(reduced, as_typed(groups[1]))
            self.composed[key] = cloudpickle.dumps(composed)  # four times as fast as deepcopy
        cfg = pickle.loads(self.composed[key])
        values = [o for o in (*common, *own) if not self._is_composed(o)]
        set_values = value_setter(self.loader)
        assert set_values is not None, "can_share"
        set_values(values, cfg)
        _show_typed(cfg, own)
        OmegaConf.copy_cache(from_config=master, to_config=cfg)
        if is_new and not self.is_proven:
            own_way = self._load_own(master, sweep_overrides)
            if OmegaConf.to_container(cfg) != OmegaConf.to_container(own_way):
                self.can_share = False
                raise ValueError(f"Hydra {hydra.__version__} composes otherwise")
        return cfg

    def split(self, overrides: Sequence[Override]) -> tuple[tuple[str, ...], list[Override]]:
        """Part a job's overrides that take a composition from those of values.

        Returns the former with the keys of the latter, and the latter.
        """
        values = [o for o in overrides if not self._is_composed(o)]
        composed = as_typed([o for o in overrides if self._is_composed(o)])
        return (*composed, *(o.key_or_group for o in values)), values

    def _is_composed(self, override: Override) -> bool:
        key = override.key_or_group
        if key not in self.groups:
            self.groups[key] = bool(self.get_group_options(key, ObjectType.CONFIG))
        return self.groups[key] or override.package is not None or override.is_hydra_override()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # such as what pickle looks for, before there is a loader
            raise AttributeError(name)
        return getattr(self.loader, name)


def _show_typed(cfg: DictConfig, overrides: Sequence[Override]) -> None:
    """Let a job show its own overrides alone, without those that its sweep hands to all jobs."""
    typed = [o for o in overrides if not o.is_hydra_override()]
    job = cfg.hydra.job
    with read_write(cfg.hydra), read_write(job):
        cfg.hydra.overrides.task = as_typed(typed)
        if not OmegaConf.is_interpolation(job, "override_dirname"):  # so in Hydra 1.4
            say = job.config.override_dirname
            named = [o for o in typed if o.key_or_group not in say.exclude_keys]
            lines = say.item_sep.join(sorted(as_typed(named)))
            job.override_dirname = lines.replace("=", say.kv_sep)


def share_compositions() -> SharingLoader:
    """Let all that composes in this multirun, the sweeper and the workers too, share the work."""
    current = GlobalHydra.instance().hydra
    assert current is not None
    if not isinstance(current.config_loader, SharingLoader):
        is_proven = hydra.__version__ in PROVEN
        current.config_loader = SharingLoader(current.config_loader, is_proven)  # type: ignore[assignment]
    return cast(SharingLoader, current.config_loader)
