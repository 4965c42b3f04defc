"""The bases of this project's launchers."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from hydra_plugins.local_launcher._worker import Multirun


class JobLauncher(Launcher):
    """A launcher that keeps what its jobs need. Raises ValueError for a setting without meaning."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in settings.items()
        }
        from src import launching  # Hydra imports all plugins, also for --help

        launching.check_launcher(self.settings)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what the jobs need."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    @property
    def multirun(self) -> "Multirun":
        """All that the jobs have in common."""
        from hydra_plugins.local_launcher._worker import Multirun

        return Multirun(self.hydra_context, self.config, self.task_function)


class ClusterLauncher(JobLauncher):
    """A launcher whose jobs run on other machines, by an engine that is imported with its extra."""

    extra: ClassVar[str]
    package: ClassVar[str]  # that the extra installs
    engine: ClassVar[str]  # module whose `launch` runs the jobs

    def __init__(self, **settings: Any) -> None:
        if find_spec(self.package) is None:
            raise ValueError(
                f'hydra/launcher={self.extra}: needs `pip install -e ".[{self.extra}]"`'
            )
        super().__init__(**settings)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; return their results in the order of `job_overrides`."""
        jobs = [list(overrides) for overrides in job_overrides]
        engine = import_module(self.engine)
        return engine.launch(self.settings, self.multirun, jobs, initial_job_idx)
