"""Everything a cut-off job needs to go on as if nothing had happened."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from src.metrics import Epoch
from src.streams import global_state, go_on_globally


class Checkpoint:
    """The state of one training at `path`: its parts, its random streams and its history."""

    def __init__(self, path: Path, parts: dict[str, Any], order: torch.Generator) -> None:
        self.path = path
        self.parts = parts
        self.order = order

    def save(self, history: list[Epoch], best: dict[str, torch.Tensor] | None) -> None:
        """Replace the file atomically: a reader sees the old state or the new one."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"order": self.order.get_state(), "global": global_state(), "best": best}
        state["history"] = [asdict(epoch) for epoch in history]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        try:
            # By name: a Python file is written to from C++, which cannot bear Ctrl-C there.
            torch.save(state, draft)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())  # else a power cut may leave the name without the content
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def load(self) -> tuple[list[Epoch], dict[str, torch.Tensor] | None]:
        """Put every part back into its saved state; the history and the best weights so far.

        Without a file, or with one that is damaged, there is no history.
        """
        if not self.path.exists():
            return [], None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as damage:  # torch and pickle have many an error for it
            print(f"{self.path}: cannot be read, so training begins anew: {damage}")
            return [], None
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.order.set_state(state["order"])
        go_on_globally(state["global"])
        return [Epoch(**epoch) for epoch in state["history"]], state["best"]

    def remove(self) -> None:
        """The job is done."""
        self.path.unlink(missing_ok=True)
