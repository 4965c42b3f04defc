"""The launcher as Hydra discovers it; what is slow to import waits until there is work."""

from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

TARGET = "hydra_plugins.local_launcher.local_launcher.LocalLauncher"

# A plain mapping: Hydra imports plugins twice, and a class made twice cannot be pickled.
DEFAULTS = {
    "_target_": TARGET,
    "workers": "auto",  # processes; auto: one a core, or with GPUs `per_gpu` for each of them
    "per_gpu": 1,
    "threads": 1,  # CPU threads of a job whose own `threads` is auto
    "timeout": None,  # seconds after which a job is killed; null: never
    "retries": 1,  # how often a job whose process was killed is tried again
    "preload": ["src.job"],  # imported once, before workers fork
}
ConfigStore.instance().store(
    group="hydra/launcher", name="local", node=DEFAULTS, provider="fairsweep"
)


class LocalLauncher(Launcher):
    """Runs each job in a process of a warm pool; one job's death is its own."""

    def __init__(
        self,
        workers: str | int,
        per_gpu: int,
        threads: int,
        timeout: float | None,
        retries: int,
        preload: Sequence[str],
    ) -> None:
        _require("workers", workers, workers == "auto" or _at_least(1, workers), "auto or 1, 2, …")
        _require("per_gpu", per_gpu, _at_least(1, per_gpu), "1, 2, …")
        _require("threads", threads, _at_least(1, threads), "1, 2, …")
        _require("retries", retries, _at_least(0, retries), "0, 1, …")
        is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        is_allowed = timeout is None or (is_number and timeout > 0)
        _require("timeout", timeout, is_allowed, "seconds above 0, or null")
        self.workers = workers
        self.per_gpu = per_gpu
        self.timeout = timeout
        self.retries = retries
        self.preload = list(preload)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Hydra hands over what the jobs need."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; their returns in the order of `job_overrides`."""
        from hydra_plugins.local_launcher import _pool

        return _pool.launch(self, job_overrides, initial_job_idx)


class Warm(Callback):
    """Starts the process from which workers fork while the sweep is still being prepared."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Importing torch takes seconds: begin at once, on another core."""
        if config.hydra.launcher._target_ == TARGET:
            from hydra_plugins.local_launcher import _pool

            _pool.warm(list(config.hydra.launcher.preload))


def _at_least(low: int, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _require(key: str, value: object, allowed: bool, words: str) -> None:
    if not allowed:
        raise ValueError(f"hydra.launcher.{key}={value}: {words} is allowed")
