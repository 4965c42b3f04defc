"""A Hydra launcher that runs the jobs of a sweep on Ray."""

from hydra_plugins.ray_launcher.ray_launcher import RayLauncher

__all__ = ["RayLauncher"]
