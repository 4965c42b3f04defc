"""The launcher as Hydra discovers it; Ray is imported when there is work."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher._base import JobLauncher
from omegaconf import OmegaConf


class RayLauncher(JobLauncher):
    """A launcher whose jobs are Ray's tasks; a job whose node is lost is tried again elsewhere.

    hydra-ray-launcher 1.2.2 wants cloudpickle below 3, which joblib refuses, and hands a size of
    memory to clusters that take none. Raises ValueError where Ray is missing.
    """

    def __init__(self, **settings: Any) -> None:
        if find_spec("ray") is None:
            raise ValueError('hydra/launcher=ray: needs `pip install -e ".[ray]"`')
        self.settings = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in settings.items()
        }

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; return their results in the order of `job_overrides`."""
        from hydra_plugins.local_launcher._worker import Multirun
        from hydra_plugins.ray_launcher import _tasks

        multirun = Multirun(self.hydra_context, self.config, self.task_function)
        jobs = [list(overrides) for overrides in job_overrides]
        return _tasks.launch(self.settings, multirun, jobs, initial_job_idx)
