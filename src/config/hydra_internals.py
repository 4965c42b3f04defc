"""All that differs between releases of Hydra, and its private interfaces, guarded.

Where an interface is missing or does something else, the public and slower way is taken.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

import hydra.utils
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from omegaconf import DictConfig, ListConfig, OmegaConf, read_write

from src.config import files
from src.errors import InputError
from src.messages.error_text import nearest, options

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
FAIR_SWEEPER = "hydra_plugins.fair_sweeper.FairSweeper"  # of this project
BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
# Its jobs wait in a scheduler's queue and go on without the sweep's own process.
QUEUE_LAUNCHER = "hydra_plugins.slurm_launcher.SlurmLauncher"

# Of `hydra.main`: Hydra 1.3 wants to be told whose defaults hold, later ones warn of that.
MAIN = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}

log = logging.getLogger(__name__)


def typed_lines(lines: ListConfig | list[str]) -> list[str]:
    """Return overrides of a config as they were typed: reading one would resolve its `${…}`."""
    typed = OmegaConf.to_container(lines, resolve=False)
    assert isinstance(typed, list)
    return [str(line) for line in typed]


def as_typed(overrides: Sequence[Override]) -> list[str]:
    """Return the text from which Hydra has parsed overrides."""
    return [str(override.input_line) for override in overrides]


def mapping_text(words: Mapping[str, object]) -> str:
    """Return a mapping as an override has it; quoted, no word is read as a number."""
    text = {key: str(word).replace("\\", "\\\\").replace("'", "\\'") for key, word in words.items()}
    return "{" + ",".join(f"{key}:'{word}'" for key, word in text.items()) + "}"


def name_config_files() -> None:
    """Let Hydra raise an InputError that names the file for a config file that cannot be one."""
    files.forget()
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
        except Exception as error:  # PyYAML's and OmegaConf's have no common base
            raise files.unreadable(file, error) from error
        package = result.header["package"]
        files.check_content(file, config_path, result.config, package)
        # A copy, for Hydra merges overrides into what was loaded.
        files.remember(file, config_path, OmegaConf.to_container(result.config), package)
        return result

    if not hasattr(load, "__wrapped__"):
        source.load_config = load_checked  # type: ignore[method-assign]


def check_options(arguments: Sequence[str]) -> None:
    """Raise InputError for an option that is none of Hydra's, a wrong value of one, or a word."""
    try:
        from hydra._internal.utils import get_args_parser
    except ImportError as error:
        log.debug("mistakes in options are told in Hydra's words: %s", error)
        return
    parser = get_args_parser()
    parser.error = _refuse_option  # type: ignore[method-assign]
    found, rest = parser.parse_known_args(list(arguments))
    if found.config_dir is not None:
        try:
            os.scandir(found.config_dir).close()  # Hydra takes one that cannot be read for empty
        except OSError as error:
            said = f"must be a folder that can be read: {error.strerror}"
            raise InputError(f"--config-dir={found.config_dir}: {said}") from error
    if unknown := [word for word in rest if word.startswith("-")]:
        name = unknown[0].partition("=")[0]
        said = "--help lists the options, and keys are set without dashes"
        raise InputError(f"{name}: unknown{nearest(name, options(parser))}; {said}")
    if words := [word for word in found.overrides if word[:1] != "~" and "=" not in word]:
        raise InputError(f"{words[0] or repr(words[0])}: must be KEY=VALUE")


def _refuse_option(message: str) -> NoReturn:
    raise InputError(f"{message.removeprefix('argument ')}; --help lists the options")


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


def value_setter(loader: object) -> Callable[[Sequence[Override], DictConfig], None] | None:
    """Return what sets values in a composed config; None where Hydra's loader has none."""
    return getattr(loader, "_apply_overrides_to_config", None)


def failed(error: Exception, overrides: Sequence[str] = ()) -> JobReturn:
    """Return the result of a job that did not come to one of its own."""
    result = JobReturn(list(overrides), status=JobStatus.FAILED)
    result.return_value = error
    return result


def failure_of(result: JobReturn) -> BaseException | None:
    """Return what a job has failed with; None for one that did not."""
    if result.status != JobStatus.FAILED:
        return None
    try:
        with redirect_stderr(StringIO()):  # Hydra prints the job's overrides first
            result.return_value  # noqa: B018, raises it
    except Exception as error:
        return error
    return None


def error_of(result: JobReturn) -> float:
    """Return a job's error from Hydra's JobReturn; infinite for a job that failed."""
    value = result.return_value if result.status == JobStatus.COMPLETED else None
    return float(value) if isinstance(value, int | float) else math.inf
