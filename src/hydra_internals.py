"""All that differs between releases of Hydra, and its private interfaces, guarded.

Where an interface is missing or does something else, the public and slower way is taken.
"""

import logging
import pickle
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, cast

import cloudpickle
import hydra.utils
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, ListConfig, OmegaConf, read_write

from src import config_files
from src.errors import InputError

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
FAIR_SWEEPER = "hydra_plugins.fair_sweeper.FairSweeper"  # this project's, which extends it
BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
# Releases in which shared and own compositions have been compared; others compare as they go.
PROVEN = ("1.3.8", "1.4.0rc3")

# Of `hydra.main`: Hydra 1.3 wants to be told whose defaults hold, later ones warn of that.
MAIN = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}

log = logging.getLogger(__name__)


class SharingLoader:
    """Hydra's loader in all its methods, except that jobs with the same groups share a composition.

    Hydra composes each job twice, 70 ms a time, and most jobs of a sweep differ in values
    alone, which are set after the composition anyway.
    """

    def __init__(self, loader: ConfigLoader, is_proven: bool = False) -> None:
        self.loader = loader
        self.is_proven = is_proven
        self.can_share = hasattr(loader, "_apply_overrides_to_config")
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
            self.composed[key] = self._compose(master, *groups)
        cfg = pickle.loads(self.composed[key])
        values = [o for o in (*common, *own) if not self._is_composed(o)]
        self.loader._apply_overrides_to_config(values, cfg)  # type: ignore[attr-defined]
        _show_typed(cfg, own)
        OmegaConf.copy_cache(from_config=master, to_config=cfg)
        if is_new and not self.is_proven:
            self._compare(cfg, self._load_own(master, sweep_overrides))
        return cfg

    def _compose(
        self, master: DictConfig, common: Sequence[Override], own: Sequence[Override]
    ) -> bytes:
        reduced = master.copy()
        with read_write(reduced.hydra):
            reduced.hydra.overrides.hydra = as_typed(common)
        cfg = self.loader.load_sweep_config(reduced, as_typed(own))
        return cloudpickle.dumps(cfg)  # four times as fast to copy as deepcopy

    def _compare(self, shared: DictConfig, own: DictConfig) -> None:
        """Raise ValueError, and share nothing from now on, where the two configs differ."""
        if OmegaConf.to_container(shared) != OmegaConf.to_container(own):
            self.can_share = False
            raise ValueError(f"Hydra {hydra.__version__} composes otherwise")

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
        if not OmegaConf.is_interpolation(job, "override_dirname"):  # which Hydra 1.4 makes it
            say = job.config.override_dirname
            named = [o for o in typed if o.key_or_group not in say.exclude_keys]
            lines = say.item_sep.join(sorted(as_typed(named)))
            job.override_dirname = lines.replace("=", say.kv_sep)


def typed_lines(lines: ListConfig | list[str]) -> list[str]:
    """Return overrides of a config as they were typed: reading one would resolve its `${…}`."""
    typed = OmegaConf.to_container(lines, resolve=False)
    assert isinstance(typed, list)
    return [str(line) for line in typed]


def as_typed(overrides: Sequence[Override]) -> list[str]:
    """Return the text of overrides, which Hydra keeps when it parses them."""
    return [str(override.input_line) for override in overrides]


def name_config_files() -> None:
    """Let Hydra raise an InputError that names the file for a config file that cannot be one."""
    Plugins.instance()  # registers the sources
    try:
        from hydra._internal.sources_registry import SourcesRegistry

        source = SourcesRegistry.instance().resolve("file")
        load = source.load_config
    except (ImportError, AttributeError) as error:
        log.debug("mistakes in config files are told in Hydra's words: %s", error)
        return

    @wraps(load)
    def load_checked(self: Any, config_path: str) -> ConfigResult:
        file = Path(self.path, config_path).with_suffix(".yaml")
        try:
            result = load(self, config_path)
        except ConfigLoadError:
            raise
        except (Exception, RecursionError) as error:
            raise config_files.unreadable(file, error) from error
        config_files.check_content(file, config_path, result.config, result.header["package"])
        return result

    if not hasattr(load, "__wrapped__"):
        source.load_config = load_checked  # type: ignore[method-assign]


def check_options(arguments: Sequence[str]) -> None:
    """Raise InputError for an option that is none of Hydra's, or has a wrong value."""
    try:
        from hydra._internal.utils import get_args_parser
    except ImportError as error:
        log.debug("mistakes in options are told in Hydra's words: %s", error)
        return
    parser = get_args_parser()
    parser.error = _refuse_option  # type: ignore[method-assign]
    parser.parse_args(list(arguments))


def _refuse_option(message: str) -> NoReturn:
    raise InputError(f"{message}; --help lists the options, and keys are set without dashes")


def trust_config() -> AbstractContextManager[object]:
    """Return a context in which a config may name any class, as it may in Hydra 1.3.

    A user's config is code of the user's own: https://hydra.cc/docs/advanced/execution_whitelist.
    """
    allow = getattr(hydra.utils, "execution_whitelist", None)
    every_target = getattr(hydra.utils, "UNSAFE_DISABLE_EXECUTION_CHECKS", None)
    return allow(every_target) if allow else nullcontext()


def add_overrides(config: DictConfig, *lines: str) -> None:
    """Hand overrides to all jobs of a multirun, whatever the launcher, as if they were Hydra's.

    Hydra 1.4 makes its own part of the config read-only.
    """
    with read_write(config.hydra):
        config.hydra.overrides.hydra.extend(lines)


def share_compositions() -> SharingLoader:
    """Let all that composes in this multirun, the sweeper and the workers too, share the work."""
    current = GlobalHydra.instance().hydra
    assert current is not None
    if not isinstance(current.config_loader, SharingLoader):
        is_proven = hydra.__version__ in PROVEN
        current.config_loader = SharingLoader(current.config_loader, is_proven)  # type: ignore[assignment]
    return cast(SharingLoader, current.config_loader)


def basic_sweeper(**settings: Any) -> Any:
    """Return Hydra's basic sweeper; to inherit from it is no way, for Hydra imports it twice."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return BasicSweeper(**settings)


def skip_validation() -> None:
    """Let Hydra's sweeper not compose each job once more, only to see that it can be composed."""
    Sweeper.validate_batch_is_legal = lambda *_: None  # type: ignore[method-assign]


def split_jobs(overrides: Sequence[Override]) -> list[list[str]]:
    """Return each job's overrides as Hydra's basic sweeper makes them; none if it cannot say."""
    try:
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

        (jobs,) = BasicSweeper.split_arguments(list(overrides), max_batch_size=None)
    except (ImportError, AttributeError, TypeError) as error:
        log.debug("the jobs are not known before they begin: %s", error)
        return []
    return jobs
