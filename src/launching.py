"""The part of the project that its Hydra launcher uses: one arrow from a plugin to the code."""

from src import fork_server
from src.errors import JobError, JobKilledError, JobTimeoutError
from src.hardware import cores
from src.progress import SweepView
from src.signals import EXIT_STATUS, defer_stop, raise_if_stop_requested

__all__ = [
    "EXIT_STATUS",
    "JobError",
    "JobKilledError",
    "JobTimeoutError",
    "SweepView",
    "cores",
    "defer_stop",
    "fork_server",
    "raise_if_stop_requested",
]
