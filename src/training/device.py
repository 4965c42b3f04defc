"""The device of a job."""

import torch

from src.errors import InputError


def pick(kind: str, index: int) -> torch.device:
    """Return the device of this `kind`; `auto` is the first of cuda, mps and cpu on this machine.

    `index` picks one of several CUDA GPUs. Raises InputError for a device that is not there.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        kind = next((name for name, present in here.items() if present), "cpu")
    if not here.get(kind, kind == "cpu"):
        raise InputError(
            f"device={kind}: must be a device of this machine; device=cpu always works"
        )
    if kind != "cuda":
        return torch.device(kind)
    if index >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"device.index={index}: must be from 0 to {count - 1} on this machine")
    return torch.device("cuda", index)
