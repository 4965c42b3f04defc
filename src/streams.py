"""Random streams with names: split, initialisation and batch order never share draws.

Every arm of a comparison that has the same seed thus meets the same split and the same order of
batches, whatever its model draws (Bouthillier et al. 2021, "Accounting for variance in machine
learning benchmarks").
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream(seed: int, name: str) -> torch.Generator:
    """A CPU generator for the purpose `name`, fixed by `seed` alone."""
    return torch.Generator().manual_seed(_state(seed, name))


@contextmanager
def global_stream(seed: int, name: str) -> Iterator[None]:
    """Let torch's global CPU generator be the stream `name`; layers draw from nothing else."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_state(seed, name))
        yield


def _state(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:8]) >> 1
