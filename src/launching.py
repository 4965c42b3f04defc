"""The part of the project that its Hydra launcher uses: one arrow from a plugin to the code."""

from src.errors import InputError, JobError, JobKilledError, JobTimeoutError
from src.hardware import cores
from src.process_identity import is_alive, process_id
from src.progress import SweepView
from src.signals import EXIT_STATUS, block_signals, defer_stop, raise_if_stop_requested

__all__ = [
    "EXIT_STATUS",
    "InputError",
    "JobError",
    "JobKilledError",
    "JobTimeoutError",
    "SweepView",
    "block_signals",
    "cores",
    "defer_stop",
    "is_alive",
    "process_id",
    "raise_if_stop_requested",
]
