"""An activation that holds its job until a test says go on, so that no machine is too fast."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from tests.launcher.faulty import TRIED


def held(*gates: Path, batches: int, free: int = 0) -> tuple[str, ...]:
    """Return the overrides that hold a job: see `Held`."""
    return (
        "activation._target_=tests.held.Held",
        f"+activation.gates=[{','.join(map(str, gates))}]",
        f"+activation.batches={batches}",
        f"+activation.free={free}",
    )


class Held(nn.ReLU):
    """A ReLU that waits for a file after so many batches of training, for the next after as many.

    The first `free` jobs of all that share their first gate wait for nothing.
    """

    def __init__(self, gates: Sequence[str], batches: int, free: int) -> None:
        super().__init__()
        self.gates = [Path(gate) for gate in gates]
        self.batches, self.free = batches, free
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation, when the gates before this batch are there."""
        if self.training and len(x) > TRIED:
            if self.seen == 0 and self.free and self._is_free():
                self.gates = []
            for gate in self.gates[: self.seen // self.batches]:
                while not gate.exists():
                    time.sleep(0.02)
            self.seen += 1
        return super().forward(x)

    def _is_free(self) -> bool:
        begun = self.gates[0].with_name(f"{self.gates[0].name}.begun")
        begun.mkdir(parents=True, exist_ok=True)
        (begun / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return len(list(begun.iterdir())) <= self.free
