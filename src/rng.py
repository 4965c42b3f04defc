"""Random streams with names: split, initialisation, batch order and training share no draws.

Every arm of a comparison that has the same seed thus meets the same split and the same order of
batches, whatever its model draws, and starts with the same weights in what it shares with others:
see src.models.init (Bouthillier et al. 2021, "Accounting for variance in machine learning
benchmarks").
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


def stream(seed: int, name: str) -> torch.Generator:
    """Return a CPU generator for the purpose `name`, fixed by `seed` alone."""
    return torch.Generator().manual_seed(_state(seed, name))


@contextmanager
def global_stream(seed: int, name: str) -> Iterator[None]:
    """Let torch's global CPU generator be the stream `name`; layers draw from nothing else."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_state(seed, name))
        yield


def seed_globally(seed: int, name: str) -> None:
    """Make torch's global generators, the source of dropout's draws, the stream `name`."""
    torch.manual_seed(_state(seed, name))


def global_rng_state() -> dict[str, Tensor]:
    """Return the states of the global generators of the devices in use, by device."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        state |= {f"cuda:{k}": s for k, s in enumerate(torch.cuda.get_rng_state_all())}
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_global_rng_state(state: Mapping[str, Tensor]) -> None:
    """Put the global generators back into states that `global_rng_state` returned."""
    for device, own in state.items():
        if device == "cpu":
            torch.set_rng_state(own)
        elif device == "mps":
            torch.mps.set_rng_state(own)
        else:
            torch.cuda.set_rng_state(own, device)


def _state(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:8]) >> 1
