"""The launcher as Hydra discovers it; submitit is imported when there is work."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher._base import JobLauncher
from omegaconf import OmegaConf


class SlurmLauncher(JobLauncher):
    """A launcher whose jobs wait in SLURM's queue, and go on without the sweep's own process.

    hydra-submitit-launcher's one takes a killed job for the end of all, waits to the end, and asks
    sacct alone. Raises ValueError where there is no SLURM, or no submitit.
    """

    def __init__(self, **settings: Any) -> None:
        if find_spec("submitit") is None:
            raise ValueError('hydra/launcher=slurm: needs `pip install -e ".[slurm]"`')
        if shutil.which("srun") is None:
            raise ValueError("hydra/launcher=slurm: must be a machine of a cluster; no srun here")
        self.settings = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in settings.items()
        }

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Queue the jobs; return their results in order, or with `submit=true` at once none."""
        from hydra_plugins.local_launcher._worker import Multirun
        from hydra_plugins.slurm_launcher import _queue

        multirun = Multirun(self.hydra_context, self.config, self.task_function)
        jobs = [list(overrides) for overrides in job_overrides]
        return _queue.launch(self.settings, multirun, jobs, initial_job_idx)
