"""A Hydra launcher that queues the jobs of a sweep on a SLURM cluster."""

from hydra_plugins.slurm_launcher.slurm_launcher import SlurmLauncher

__all__ = ["SlurmLauncher"]
