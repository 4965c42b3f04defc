"""Where a job computes."""

import torch

from src.errors import InputError


def pick(kind: str, index: int) -> torch.device:
    """The device asked for; `auto` is the first of cuda, mps and cpu that this machine has.

    `index` picks one of several CUDA GPUs.

    Raises InputError when the machine does not have it.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        kind = next((name for name, present in here.items() if present), "cpu")
    if not here.get(kind, kind == "cpu"):
        raise InputError(f"device={kind}: this machine has none; device=cpu always works")
    if kind != "cuda":
        return torch.device(kind)
    if index >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"device.index={index}: 0 to {count - 1} are allowed on this machine")
    return torch.device("cuda", index)
