"""A pool of processes that survives the death of any of them.

pebble (https://pebble.readthedocs.io) gives each job its process's fate and no other's.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import cloudpickle
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._settings import Settings
from hydra_plugins.local_launcher._worker import Multirun
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from pebble import ProcessExpired, ProcessPool

from src.launching import (
    JobError,
    JobKilledError,
    JobTimeoutError,
    SweepView,
    cores,
    defer_stop,
    fork_server,
    raise_if_stop_requested,
)

GRACE_SECONDS = 2.0  # in which an interrupted job may end in good order
OWN_HANDLES, WORKER_HANDLES = 18, 2  # file handles of a sweep, and more for each worker
POLL_SECONDS = 0.5  # how often the view of a running sweep is renewed


def launch(
    settings: Settings, multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Run the jobs numbered from `first`; the failed ones' returns carry the reason."""
    setup_globals()
    hydra = multirun.config.hydra
    configure_log(hydra.hydra_logging, hydra.verbose)
    folder = Path(str(hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    most = _most_workers()
    context = fork_server.start(settings.preload)
    fork_server.wait_until_warm()
    pool = _create(settings, multirun, context, min(len(jobs), most))
    try:
        with defer_stop():
            _start(pool)
        with SweepView(folder, first, jobs) as view:
            returns = _run_all(pool, settings, multirun, jobs, first, view)
        pool.close()
    except BaseException as error:
        pool.stop()  # first: it would replace processes that end
        _end(multiprocessing.active_children())
        if isinstance(error, BrokenProcessPool):
            raise JobError(f"no worker can be started: {error.__cause__ or error}") from error
        raise
    finally:
        with defer_stop():  # an exception in a semaphore's finalizer is printed, and then lost
            fork_server.track_again()
            pool.join()
    return returns


def _create(
    settings: Settings, multirun: Multirun, context: ForkServerContext, most: int
) -> ProcessPool:
    gpus = _gpus(multirun.config)
    workers = settings.workers
    if isinstance(workers, str):  # auto
        workers = len(gpus) * settings.per_gpu or cores()
    ordinal = context.Value("i", 0) if gpus else None
    return ProcessPool(
        max_workers=min(workers, most),
        initializer=_worker.initialize,
        initargs=(multirun.dumps(), ordinal, gpus),
        context=context,
    )


def _start(pool: ProcessPool) -> None:
    """Start the threads and processes of a pool. Raises JobError where there may be no more."""
    try:
        pool.active  # noqa: B018, starts it
    except RuntimeError as error:
        raise JobError(f"no worker can be started: {error}") from error


def _most_workers() -> int:
    """Return for how many workers there are file handles. Raises JobError if for none."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    most = (limit - OWN_HANDLES) // WORKER_HANDLES
    if most < 1:
        raise JobError(f"ulimit -n {limit}: must be at least {OWN_HANDLES + WORKER_HANDLES}")
    return most


def _gpus(config: DictConfig) -> list[str]:
    """Return the GPUs that the workers share, as CUDA_VISIBLE_DEVICES names them."""
    if not _has_nvidia() or OmegaConf.select(config, "device.kind") not in ("cuda", "auto"):
        return []
    import torch

    count = torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (visible.split(",") if visible else list(map(str, range(count))))[:count]


def _has_nvidia() -> bool:
    """Return whether importing torch to count GPUs can be worth it: on Linux, and on WSL2."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def _end(processes: Sequence[BaseProcess]) -> None:
    """Let all end in good order at once, which pebble would do one after the other."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        process.join(max(0, deadline - time.monotonic()))
        process.kill()


def _run_all(
    pool: ProcessPool,
    settings: Settings,
    multirun: Multirun,
    jobs: Sequence[list[str]],
    first: int,
    view: SweepView,
) -> list[JobReturn]:
    def submit(index: int) -> Future:
        job = (first + index, jobs[index])
        return pool.schedule(_worker.run, job, timeout=settings.timeout)

    tries = dict.fromkeys(range(len(jobs)), settings.retries)
    running = {submit(index): index for index in range(len(jobs))}
    returns: dict[int, JobReturn] = {}
    while running:
        done, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
        raise_if_stop_requested()
        for future in done:
            index = running.pop(future)
            result = _outcome(future, jobs[index])
            error = result._return_value if result.status == JobStatus.FAILED else None
            if type(error) is JobKilledError and tries[index]:
                tries[index] -= 1
                view.again(index, error)
                running[submit(index)] = index
                continue
            if isinstance(error, JobKilledError):
                _end_job(multirun, first + index, result)
            returns[index] = result
            view.done(index, error)
        view.refresh()
    return [returns[index] for index in range(len(jobs))]


def _end_job(multirun: Multirun, number: int, result: JobReturn) -> None:
    """Call Hydra's on_job_end for a job whose process did not live to do so."""
    cfg = multirun.compose(number, result.overrides or [])
    with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
        folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
        cfg.hydra.runtime.output_dir = str(folder.absolute())
    multirun.hydra_context.callbacks.on_job_end(config=cfg, job_return=result)


def _outcome(future: Future, overrides: list[str]) -> JobReturn:
    error = future.exception()
    if error is None:
        result: JobReturn = cloudpickle.loads(future.result())
        result.overrides = overrides  # as Hydra prints them of a job that failed
        return result
    if isinstance(error, BrokenProcessPool):
        raise error
    if isinstance(error, ProcessExpired):
        error = JobKilledError(_describe_end(error.exitcode))
    elif isinstance(error, TimeoutError):
        error = JobTimeoutError(f"stopped after hydra.launcher.timeout={error.args[1]} seconds")
    elif not isinstance(error, Exception):  # sys.exit in a job must not end the sweep
        error = JobError(f"{type(error).__name__}: {error}")
    return JobReturn(overrides=overrides, status=JobStatus.FAILED, _return_value=error)


def _describe_end(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its process ended with exit code {exitcode}"
    names = {known.value: known.name for known in signal.Signals}  # those of real time have none
    return f"its process was ended by {names.get(-exitcode, f'signal {-exitcode}')}"
