"""A Hydra launcher that runs jobs on Ray, which is imported when there is work."""

from hydra_plugins.local_launcher import _base


class RayLauncher(_base.ClusterLauncher):
    """A launcher whose jobs are Ray's tasks; a job whose node is lost is tried again elsewhere.

    hydra-ray-launcher 1.2.2 wants cloudpickle below 3, which joblib refuses, and hands a size of
    memory to clusters that take none. Raises ValueError where Ray is missing.
    """

    extra = package = "ray"
    engine = "hydra_plugins.ray_launcher._tasks"
