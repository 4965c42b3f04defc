"""The part of the project that its Hydra plugins use: one arrow from a plugin to the code."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from src.config.hydra_internals import BASIC_SWEEPER, FAIR_SWEEPER, basic_sweeper, typed_lines
from src.config.rules import AUTO_OR_WHOLE, POSITIVE, Rule, optional, whole
from src.errors import PEER_CLOSED, JobError, JobKilledError, JobRequeued, JobTimeoutError
from src.job_source import Batch, Job, JobSource, error_of
from src.process import fork_server, scheduler
from src.process.exit import quick_teardown
from src.process.hardware import cores
from src.process.scheduler import QueueState
from src.process.signals import EXIT_STATUS, defer_stop, raise_if_stop_requested
from src.progress import SweepView
from src.sweep import submission
from src.sweep.growing import depends_on_results, open_rounds

NAMES = Rule(
    lambda value: (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(name, str) for name in value)
    ),
    "a list of modules, such as [src.job]",
)
RULES = {
    "workers": AUTO_OR_WHOLE,
    "per_gpu": whole(1),
    "threads": whole(1),
    "timeout": optional(POSITIVE),
    "retries": whole(0),
    "preload": NAMES,
}


def check_launcher(settings: Mapping[str, Any]) -> None:
    """Raise ValueError for a setting of the launcher that means nothing."""
    for key, rule in RULES.items():
        if not rule.allows(settings[key]):
            raise ValueError(f"hydra.launcher.{key}={settings[key]}: must be {rule.words}")
    for name in settings["preload"]:  # Python's fork server passes over what it cannot import
        if not _is_module(name):
            raise ValueError(f"hydra.launcher.preload: {name}: must be a module; there is none")


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
