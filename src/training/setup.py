"""Environment of a job: its data, device, threads and code, made from the resolved config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hydra.utils import instantiate

from src import code_digest
from src.code_digest import SNAPSHOT
from src.config.resolved import Identity, Resolved
from src.data.splits import Splits
from src.process import hardware
from src.training.eager import unwrap_optimizers
from src.training.instantiation import blaming, require_kind

unwrap_optimizers()


@dataclass(frozen=True)
class Environment:
    """Data, device, number of CPU threads and code that a job computes with."""

    splits: Splits
    device: torch.device
    threads: int
    code: Mapping[str, str]  # file -> digest: see src.code_digest

    def identity(self, config: Resolved) -> Identity:
        """Return all that the result of `config` depends on here."""
        return config.identity(self.splits.digest, self.threads, self.device.type, self.code)


def import_code(config: Resolved) -> dict[str, str]:
    """Import the modules of the config's targets; return the digests of the code that they run.

    Raises InputError if it differs from the sweep's.
    """
    SNAPSHOT.import_targets(config.targets)
    code = SNAPSHOT.digests(config.targets)
    code_digest.check_unchanged(code, config.nested["sweep"]["code"] or {})
    return code


def prepare(config: Resolved) -> Environment:
    """Return the job's environment, which its identity needs; set how torch computes.

    Raises InputError if the code differs from the sweep's, or data or device cannot be had.
    """
    code = import_code(config)
    threads = config.nested["threads"]
    if threads == "auto":
        threads = hardware.omp_threads() or hardware.cores()
    torch.set_num_threads(threads)
    # torch.use_deterministic_algorithms would do the same and import torch's compiler.
    torch.set_deterministic_debug_mode("error")
    with blaming(config, "device"):
        device = instantiate(config.nested["device"])
        require_kind(device, torch.device, "a torch.device")
    with blaming(config, "data"):
        splits = instantiate(loader_config(config.nested["data"]), _convert_="all")
        require_kind(splits, Splits, "Splits")
        return Environment(splits.to(device), device, threads, code)


def loader_config(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a data config its loader takes; the rest is for `src.data.availability`."""
    return {key: value for key, value in data.items() if key not in ("check", "fallback")}


# Workers fork from a process that has imported this module: all of them, also those that start
# after an edit, run the code that was digested here.
SNAPSHOT.import_parts()
