"""The state of a training on disk, whenever a signal comes."""

import signal
from contextlib import suppress

import pytest
import torch

from src.training.checkpoint import Checkpoint


# An interrupt between opening a file and the body that closes it leaves that to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_ctrl_c_while_it_is_written_is_ctrl_c_and_leaves_a_whole_one(tmp_path):
    model = torch.nn.Linear(784, 200)
    checkpoint = Checkpoint(tmp_path / "job.pt", {"model": model}, torch.Generator())
    checkpoint.save([], None)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for moment in range(60):
            signal.setitimer(signal.ITIMER_REAL, 0.001 + moment * 0.0001)
            with suppress(KeyboardInterrupt):  # which may be lost in a callback of Python's own
                for _ in range(20):
                    checkpoint.save([], None)
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert checkpoint.load() == ([], None)
    finally:
        signal.signal(signal.SIGALRM, before)
