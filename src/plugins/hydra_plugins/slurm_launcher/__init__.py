"""A Hydra launcher that queues jobs on a SLURM cluster; submitit is imported when there is work."""

import shutil
from typing import Any

from hydra_plugins.local_launcher import _base


class SlurmLauncher(_base.ClusterLauncher):
    """A launcher whose jobs wait in SLURM's queue, and go on without the sweep's own process.

    With `submit=true` it returns at once, without results. hydra-submitit-launcher's one takes a
    killed job for the end of all, waits to the end, and asks sacct alone. Raises ValueError where
    there is no SLURM, or no submitit.
    """

    extra, package = "slurm", "submitit"
    engine = "hydra_plugins.slurm_launcher._queue"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if shutil.which("srun") is None:
            raise ValueError("hydra/launcher=slurm: must be a machine of a cluster; no srun here")
