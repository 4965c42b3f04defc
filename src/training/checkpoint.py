"""Checkpoints: all that a cut-off job needs to go on as if nothing had happened."""

import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from src.metrics import Epoch
from src.rng import global_rng_state, set_global_rng_state

log = logging.getLogger(__name__)


class Checkpoint:
    """The state of one training at `path`: its components, its random streams, its history."""

    def __init__(
        self, path: Path, components: dict[str, Any], streams: dict[str, torch.Generator]
    ) -> None:
        self.path = path
        self.components = components
        self.streams = streams

    def save(self, history: list[Epoch], best: dict[str, torch.Tensor] | None) -> None:
        """Replace the file atomically: a reader sees the old state or the new one."""
        state = {name: component.state_dict() for name, component in self.components.items()}
        state |= {name: generator.get_state() for name, generator in self.streams.items()}
        state |= {"global": global_rng_state(), "best": best}
        state["history"] = [asdict(epoch) for epoch in history]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        tmp = self.path.with_suffix(".new")
        try:
            write(state, tmp)
            with tmp.open("rb+") as file:
                os.fsync(file.fileno())  # else a power cut may leave an empty file
            tmp.replace(self.path)
        finally:
            tmp.unlink(missing_ok=True)

    def load(self) -> tuple[list[Epoch], dict[str, torch.Tensor] | None]:
        """Restore every component; return the history and the best weights so far.

        Without a file, or with a damaged one, the history is empty.
        """
        if not self.path.exists():
            return [], None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as damage:  # torch and pickle have many errors for a damaged file
            log.info("%s: damaged", self.path, exc_info=True)
            print(f"{self.path}: cannot be read, so training begins anew: {damage}")
            return [], None
        for name, component in self.components.items():
            component.load_state_dict(state[name])
        for name, generator in self.streams.items():
            generator.set_state(state[name])
        set_global_rng_state(state["global"])
        return [Epoch(**epoch) for epoch in state["history"]], state["best"]

    def remove(self) -> None:
        """Delete the file of a job that is done."""
        self.path.unlink(missing_ok=True)


def write(state: object, path: Path) -> None:
    """Write tensors to a file. Raises OSError with the system's reason, which torch leaves out."""
    try:
        # By name: torch writes to a Python file from C++ and crashes there on Ctrl-C.
        torch.save(state, path)
    except RuntimeError:
        try:
            with path.open("ab") as file:  # of a full disk nothing is left
                file.write(bytes(2**20))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
