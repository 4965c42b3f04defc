"""A Hydra launcher that runs the jobs of a sweep in parallel on this machine."""

from hydra_plugins.local_launcher.local_launcher import LocalLauncher

__all__ = ["LocalLauncher"]
