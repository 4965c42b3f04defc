"""Activations that fail: their faults are switched on by what a job trains with."""

import os
import signal
import sys
import time
from pathlib import Path

from torch import Tensor, nn

TRIED = 2  # examples with which a model is tried before the first job


class Faulty(nn.ReLU):
    """A ReLU that comes to a bad end in the first epoch in which `once`, a file, is not there."""

    def __init__(self, fault: str, once: str | None = None, after: int = 0) -> None:
        super().__init__()
        self.fault = fault
        self.once = once and Path(once)
        self.left = after

    def forward(self, x: Tensor) -> Tensor:
        """The activation, or the fault after so many calls with the larger batches of training."""
        if len(x) <= TRIED:
            return super().forward(x)
        self.left -= 1
        if self.fault != "none" and self.left < 0 and not (self.once and self.once.exists()):
            if self.once:
                self.once.touch()
            FAULTS[self.fault]()
            return x * float("inf")  # where the fault is to diverge
        return super().forward(x)


def _raise() -> None:
    raise ZeroDivisionError("a bug in the model")


def _interrupt() -> None:
    raise KeyboardInterrupt  # of nobody's


def _close() -> None:
    raise GeneratorExit


FAULTS = {
    "raise": _raise,
    "exit": lambda: sys.exit(3),
    "interrupt": _interrupt,
    "close": _close,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "vanish": lambda: os.kill(os.getpid(), signal.SIGRTMIN + 6),  # a signal without a name
    "diverge": lambda: None,
    "hang": lambda: time.sleep(1_000),
}
