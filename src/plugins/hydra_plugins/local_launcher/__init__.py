"""A Hydra launcher that runs the jobs of a sweep in parallel on this machine.

Slow imports wait until there is work.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher._base import JobLauncher

if TYPE_CHECKING:
    from src.launching import JobSource

# A plain mapping: Hydra imports plugins twice, and a class made twice cannot be pickled.
DEFAULTS = {
    "_target_": "hydra_plugins.local_launcher.LocalLauncher",
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


class LocalLauncher(JobLauncher):
    """A launcher that runs each job in a process of a warm pool; a job's death is its own."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; return their results in the order of `job_overrides`."""
        return self.stream(self.multirun.batch(job_overrides, initial_job_idx))

    def stream(self, source: "JobSource") -> Sequence[JobReturn]:
        """Run the jobs of a source, which learns of results and may then know further jobs."""
        from hydra_plugins.local_launcher import _pool

        return _pool.launch(self.settings, self.multirun, source)
