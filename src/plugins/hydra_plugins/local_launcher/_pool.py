"""Jobs in the processes of a pool that survives the death of any of them.

pebble (https://pebble.readthedocs.io) gives each job its process's fate and no other's; the
processes fork from a server that has imported torch once.
"""

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from pebble import ProcessExpired, ProcessPool

from src.errors import JobError, JobKilledError, JobTimeoutError
from src.hardware import cores
from src.progress import SweepView
from src.signals import EXIT_STATUS, block_signals, defer_stop, raise_if_stop_requested

if TYPE_CHECKING:
    from hydra_plugins.local_launcher.local_launcher import LocalLauncher

GRACE_SECONDS = 2.0  # in which an interrupted job may end in good order
POLL_SECONDS = 0.5  # how often the view of a running sweep is renewed
QUIET = "hydra_plugins.local_launcher._quiet"

_shared: list[Any] = []  # in a worker: what all jobs of its sweep have in common


def warm(preload: list[str]) -> Any:
    """The context whose workers fork from a process that has imported `preload`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([QUIET, *preload])
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # which would let signals through when it starts
    with block_signals():
        forkserver.ensure_running()
    return context


def _wait_until_warm(context: Any) -> None:
    process = context.Process(target=int, daemon=True)
    process.start()
    process.join()


def launch(
    launcher: "LocalLauncher", job_overrides: Sequence[Sequence[str]], first: int
) -> list[JobReturn]:
    """Run the jobs numbered from `first`; the failed ones' returns carry the reason."""
    setup_globals()
    config = launcher.config
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    folder = Path(str(config.hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    shared = (launcher.hydra_context, config, launcher.task_function, Singleton.get_state())
    context = warm(launcher.preload)
    _wait_until_warm(context)
    workers, gpus = _workers(launcher)
    pool = ProcessPool(
        max_workers=min(workers, len(job_overrides)),
        initializer=_receive,
        initargs=(cloudpickle.dumps(shared), context.Value("i", 0) if gpus else None, gpus),
        context=context,
    )
    try:
        with defer_stop():
            pool.active  # noqa: B018, starts it
        with SweepView(folder, first, [list(job) for job in job_overrides]) as view:
            returns = _run_all(pool, list(job_overrides), first, launcher, view)
        pool.close()
    except BaseException:
        pool.stop()  # first: it would replace who ends
        _end(multiprocessing.active_children())
        raise
    finally:
        pool.join()
    return returns


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
    jobs: list[Sequence[str]],
    first: int,
    launcher: "LocalLauncher",
    view: SweepView,
) -> list[JobReturn]:
    def submit(index: int) -> Future:
        return pool.schedule(_run, (first + index, list(jobs[index])), timeout=launcher.timeout)

    tries = dict.fromkeys(range(len(jobs)), launcher.retries)
    running = {submit(index): index for index in range(len(jobs))}
    returns: dict[int, JobReturn] = {}
    while running:
        done, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
        raise_if_stop_requested()
        for future in done:
            index = running.pop(future)
            result = _outcome(future, list(jobs[index]))
            if type(result._return_value) is JobKilledError and tries[index]:
                tries[index] -= 1
                view.again(index, result._return_value)
                running[submit(index)] = index
                continue
            if isinstance(result._return_value, JobKilledError):
                _tell_callbacks(launcher, first + index, result)
            returns[index] = result
            failed = result.status == JobStatus.FAILED
            view.done(index, result._return_value if failed else None)
        view.refresh()
    return [returns[index] for index in range(len(jobs))]


def _tell_callbacks(launcher: "LocalLauncher", number: int, result: JobReturn) -> None:
    """Call Hydra's on_job_end for a job whose process did not live to do so."""
    cfg = _composed(launcher.hydra_context, launcher.config, number, result.overrides)
    with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
        folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
        cfg.hydra.runtime.output_dir = str(folder.absolute())
    launcher.hydra_context.callbacks.on_job_end(config=cfg, job_return=result)


def _outcome(future: Future, overrides: list[str]) -> JobReturn:
    error = future.exception()
    if error is None:
        result = cloudpickle.loads(future.result())
        result.overrides = overrides  # as Hydra prints them of a job that failed
        return result
    if isinstance(error, ProcessExpired):
        error = JobKilledError(_how_it_ended(error.exitcode))
    elif isinstance(error, TimeoutError):
        error = JobTimeoutError(f"stopped after hydra.launcher.timeout={error.args[1]} seconds")
    elif not isinstance(error, Exception):  # sys.exit in a job must not end the sweep
        error = JobError(f"{type(error).__name__}: {error}")
    return JobReturn(overrides=overrides, status=JobStatus.FAILED, _return_value=error)


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its process ended with exit code {exitcode}"
    names = {known.value: known.name for known in signal.Signals}  # those of real time have none
    return f"its process was ended by {names.get(-exitcode, f'signal {-exitcode}')}"


def _receive(shared: bytes, ordinal: Any, gpus: Sequence[str]) -> None:
    """Prepare a worker: what its jobs share, its GPU, and that it does not outlive the sweep."""
    gc.freeze()
    gc.enable()
    hydra_context, config, task_function, singletons = cloudpickle.loads(shared)
    setup_globals()
    Singleton.set_state(singletons)
    _shared[:] = hydra_context, config, task_function
    if gpus:
        with ordinal.get_lock():
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[ordinal.value % len(gpus)]
            ordinal.value += 1
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


def _run(number: int, overrides: list[str]) -> bytes:
    """One job, in a worker.

    The return is pickled by value: Hydra's config classes exist twice, which pickle refuses.
    """
    hydra_context, config, task_function = _shared
    cfg = _composed(hydra_context, config, number, overrides)
    try:
        result = run_job(
            hydra_context=hydra_context,
            task_function=partial(_logged, task_function),
            config=cfg,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    except KeyboardInterrupt:
        os._exit(EXIT_STATUS)  # who is told to stop takes no other job
    return cloudpickle.dumps(result)


def _composed(
    hydra_context: HydraContext, config: DictConfig, number: int, overrides: Sequence[str]
) -> DictConfig:
    cfg = hydra_context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(cfg):
        cfg.hydra.job.num, cfg.hydra.job.id = number, str(number)
    return cfg


def _logged(task_function: TaskFunction, cfg: DictConfig) -> Any:
    """What a job prints goes to a file of its own."""
    path = Path(HydraConfig.get().runtime.output_dir) / "output.log"
    with path.open("a") as log, redirect_stdout(log), redirect_stderr(log):
        return task_function(cfg)


def _workers(launcher: "LocalLauncher") -> tuple[int, list[str]]:
    """How many processes, and the GPUs that they share, as CUDA_VISIBLE_DEVICES names them."""
    gpus: list[str] = []
    if _has_nvidia() and _may_use_gpu(launcher.config):
        import torch

        count = torch.cuda.device_count()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = (visible.split(",") if visible else list(map(str, range(count))))[:count]
    automatic = len(gpus) * launcher.per_gpu or cores()
    return (automatic if launcher.workers == "auto" else launcher.workers), gpus


def _has_nvidia() -> bool:
    """Whether importing torch to count GPUs can be worth its seconds: on Linux, and on WSL2."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def _may_use_gpu(config: DictConfig) -> bool:
    return OmegaConf.select(config, "device.kind") in ("cuda", "auto")
