"""Capacity of this machine: how many workers it takes, and the GPUs that they share."""

import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from src.launching import JobError, cores

OWN_HANDLES, WORKER_HANDLES = 18, 3  # file handles of a sweep, and more for each worker


def worker_count(wanted: str | int, per_gpu: int, gpus: Sequence[str]) -> int:
    """Return how many workers are wanted, or for fewer that there are file handles for.

    Raises JobError if there are too few for one.
    """
    count = wanted if isinstance(wanted, int) else len(gpus) * per_gpu or cores()
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = sys.maxsize if limit == resource.RLIM_INFINITY else limit
    if limit < OWN_HANDLES + WORKER_HANDLES:
        raise JobError(f"ulimit -n {limit}: must be at least {OWN_HANDLES + WORKER_HANDLES}")
    return min(count, (limit - OWN_HANDLES) // WORKER_HANDLES)


def shared_gpus(config: DictConfig) -> list[str]:
    """Return the GPUs that the workers share, as CUDA_VISIBLE_DEVICES names them."""
    has_nvidia = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # or on WSL2
    if not has_nvidia or OmegaConf.select(config, "device.kind") not in ("cuda", "auto"):
        return []  # importing torch to count them would not be worth it
    import torch

    count = torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in visible.split(",")] if visible else map(str, range(count))
    return list(names)[:count]
