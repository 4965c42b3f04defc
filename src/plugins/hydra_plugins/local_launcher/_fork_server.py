"""The process from which workers fork, after it has imported what is slow to import."""

import multiprocessing
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext

from src.launching import block_signals

QUIET = "hydra_plugins.local_launcher._quiet"


def start(preload: list[str]) -> ForkServerContext:
    """Return the context whose workers fork from a process that imports `preload`.

    The process is started if none runs, and has then only begun to import.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([QUIET, *preload])
    resource_tracker.ensure_running()  # which would let signals through when it starts
    with block_signals():
        forkserver.ensure_running()
    return context


def wait_until_warm(context: ForkServerContext) -> None:
    """Return when the imports are done, which is when the first process has forked."""
    process = context.Process(target=int, daemon=True)
    process.start()
    process.join()
