"""The part of the project that its Hydra plugins use: one arrow from a plugin to the code."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from src.config.hydra_internals import (
    BASIC_SWEEPER,
    FAIR_SWEEPER,
    error_of,
    failed,
    failure_of,
    typed_lines,
)
from src.config.rules import AUTO_OR_WHOLE, MAX_THREADS, POSITIVE, Rule, number, optional, whole
from src.errors import PEER_CLOSED, JobError, JobKilledError, JobRequeued, JobTimeoutError
from src.job_source import Batch, Job, JobSource
from src.messages.logs import to_stderr
from src.process import fork_server, scheduler
from src.process.exit import quick_teardown
from src.process.hardware import cores
from src.process.scheduler import ProcessState
from src.process.signals import EXIT_STATUS, defer_stop, raise_if_stop_requested
from src.progress import SweepView
from src.sweep import submission
from src.sweep.compose import launched_lines
from src.sweep.growing import depends_on_results, open_rounds


def _is_texts(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and all(isinstance(each, str) for each in value)


RULES = {
    "workers": AUTO_OR_WHOLE,
    "per_gpu": whole(1),
    "threads": whole(1, MAX_THREADS),
    "timeout": optional(POSITIVE),
    "retries": whole(0),
    "preload": Rule(_is_texts, "a list of modules, such as [src.job]"),
    # Of clusters.
    "timeout_min": optional(whole(1)),
    "signal_delay_s": optional(whole(0)),
    "max_num_timeout": whole(0),
    "cpus_per_task": whole(1),
    "gpus_per_node": optional(
        Rule(lambda v: v == "auto" or whole(0).allows(v), "auto, or a number")
    ),
    "mem_gb": optional(POSITIVE),
    "array_parallelism": whole(1),
    "setup": optional(Rule(_is_texts, "a list of lines, such as [module load cuda]")),
    "additional_parameters": Rule(lambda v: isinstance(v, Mapping), "a mapping"),
    "init.num_cpus": optional(whole(0)),
    "init.num_gpus": optional(whole(0)),
    "remote.num_cpus": number(0),
    "remote.num_gpus": Rule(lambda v: v == "auto" or number(0).allows(v), "auto, a number"),
}


def check_launcher(settings: Mapping[str, Any]) -> None:
    """Raise ValueError for a setting of a launcher that means nothing."""
    below = {
        f"{k}.{name}": v for k in ("init", "remote") for name, v in settings.get(k, {}).items()
    }
    for key, value in {**settings, **below}.items():
        if key in RULES and not RULES[key].allows(value):
            raise ValueError(f"hydra.launcher.{key}={value}: must be {RULES[key].words}")
    for name in settings.get("preload", ()):  # Python's fork server skips what it cannot import
        if not _is_module(name):
            raise ValueError(f"hydra.launcher.preload: {name}: must be a module; there is none")


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
