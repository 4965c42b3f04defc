"""Processes that run jobs side by side; the death of any of them is that of its job alone."""

import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import cloudpickle
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._capacity import shared_gpus, worker_count
from hydra_plugins.local_launcher._worker import Multirun
from omegaconf import open_dict, read_write

from src.launching import (
    PEER_CLOSED,
    JobError,
    JobKilledError,
    JobTimeoutError,
    SweepView,
    check_launcher,
    defer_stop,
    fork_server,
    raise_if_stop_requested,
)

GRACE_SECONDS = 2.0  # in which an interrupted job may end in good order
POLL_SECONDS = 0.5  # how often the view of a running sweep is renewed


@dataclass(frozen=True)
class Settings:
    """The settings below `hydra.launcher`, explained in `local_launcher.DEFAULTS`.

    Raises ValueError for one that means nothing.
    """

    workers: str | int
    per_gpu: int
    threads: int
    timeout: float | None
    retries: int
    preload: Sequence[str]

    def __post_init__(self) -> None:
        check_launcher(vars(self))


@dataclass
class Worker:
    """A process that runs one job after the other."""

    process: BaseProcess
    conn: Connection
    gpu: str | None
    timeout: float
    index: int | None = None  # of the job that it runs
    deadline: float = math.inf

    @classmethod
    def start(cls, shared: bytes, gpu: str | None, timeout: float | None) -> "Worker":
        """Fork a worker. Raises JobError where there may be no more processes or handles."""
        try:
            conn, theirs = multiprocessing.Pipe()
            with theirs, defer_stop():
                process = fork_server.fork(_worker.serve, theirs, shared, gpu)
        except OSError as error:
            raise JobError(f"no worker can be started: {error}") from error
        return cls(process, conn, gpu, timeout or math.inf)

    def begin(self, index: int, number: int, overrides: Sequence[str]) -> None:
        """Let the worker run a job."""
        self.index, self.deadline = index, time.monotonic() + self.timeout
        with suppress(*PEER_CLOSED):  # killed while it had nothing to do; `result` tells
            self.conn.send((number, overrides))

    def result(self) -> JobReturn | JobKilledError:
        """Return the result of a job that has ended or is late, or why there is none."""
        if not self.conn.poll():
            self.process.kill()
            return JobTimeoutError(f"stopped after hydra.launcher.timeout={self.timeout:g} seconds")
        try:
            result: JobReturn = cloudpickle.loads(self.conn.recv_bytes())
        except PEER_CLOSED:
            self.process.join()
            return JobKilledError(_describe_end(self.process.exitcode))
        self.index, self.deadline = None, math.inf
        return result


def launch(
    settings: Settings, multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Run the jobs numbered from `first`; the failed ones' returns carry the reason."""
    setup_globals()
    hydra = multirun.config.hydra
    configure_log(hydra.hydra_logging, hydra.verbose)
    folder = Path(str(hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    pool = Pool(settings, multirun, jobs, first)
    with SweepView(folder, first, jobs) as view:
        try:
            for index, value in view.results().items():
                pool.waiting.remove(index)
                pool.returns[index] = JobReturn(jobs[index], status=JobStatus.COMPLETED)
                pool.returns[index].return_value = value
                view.done(index, None)
            while pool.waiting or pool.busy():
                pool.hand_out()
                for worker in pool.wait():
                    pool.take(worker, view)
                raise_if_stop_requested()
                view.refresh()
            pool.end()
        except BaseException:
            pool.end(is_abort=True)
            raise
    return [pool.returns[index] for index in range(len(jobs))]


class Pool:
    """The workers of a sweep, its jobs that wait for one, and the returns of those that ended."""

    def __init__(
        self, settings: Settings, multirun: Multirun, jobs: Sequence[list[str]], first: int
    ) -> None:
        self.settings, self.multirun, self.jobs, self.first = settings, multirun, jobs, first
        self.shared, self.gpus = multirun.dumps(), shared_gpus(multirun.config)
        self.most = worker_count(settings.workers, settings.per_gpu, self.gpus)
        self.workers: list[Worker] = []
        self.waiting = deque(range(len(jobs)))
        self.tries = dict.fromkeys(self.waiting, settings.retries)
        self.returns: dict[int, JobReturn] = {}
        fork_server.start(settings.preload)

    def busy(self) -> list[Worker]:
        """Return the workers that run a job."""
        return [worker for worker in self.workers if worker.index is not None]

    def hand_out(self) -> None:
        """Give waiting jobs to workers, started where there may be more of them."""
        idle = [worker for worker in self.workers if worker.index is None]
        while self.waiting and (idle or len(self.workers) < self.most):
            if not idle:
                idle = [Worker.start(self.shared, self._free_gpu(), self.settings.timeout)]
                self.workers += idle
            index = self.waiting.popleft()
            idle.pop().begin(index, self.first + index, self.jobs[index])

    def _free_gpu(self) -> str | None:
        used = [worker.gpu for worker in self.workers]
        return min(self.gpus, key=used.count, default=None)

    def wait(self) -> list[Worker]:
        """Return, after some time at most, workers whose jobs have ended or are late."""
        busy = self.busy()
        next_deadline = min(worker.deadline for worker in busy) - time.monotonic()
        seconds = max(0.0, min(POLL_SECONDS, next_deadline))
        ready = connection.wait([worker.conn for worker in busy], seconds)
        now = time.monotonic()
        return [worker for worker in busy if worker.conn in ready or worker.deadline <= now]

    def take(self, worker: Worker, view: SweepView) -> None:
        """Take the result of a worker's job; a job whose process was killed is tried again."""
        index, result = worker.index, worker.result()
        assert index is not None
        if isinstance(result, JobKilledError):
            self.workers.remove(worker)
            worker.conn.close()
            if type(result) is JobKilledError and self.tries[index]:
                self.tries[index] -= 1
                view.again(index, result)
                self.waiting.append(index)
                return
            result = JobReturn(self.jobs[index], status=JobStatus.FAILED, _return_value=result)
            end_job(self.multirun, self.first + index, result)
        result.overrides = self.jobs[index]  # as Hydra prints them of a job that failed
        self.returns[index] = result
        view.done(index, result._return_value if result.status == JobStatus.FAILED else None)

    def end(self, is_abort: bool = False) -> None:
        """End the workers, all of them in good order at once."""
        for worker in self.workers:
            worker.conn.close()  # which ends one that runs no job
            if is_abort:
                worker.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self.workers:
            worker.process.join(max(0, deadline - time.monotonic()))
            worker.process.kill()


def end_job(multirun: Multirun, number: int, result: JobReturn) -> None:
    """Call Hydra's on_job_end for a job whose process did not live to do so."""
    cfg = multirun.compose(number, result.overrides or [])
    with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
        folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
        cfg.hydra.runtime.output_dir = str(folder.absolute())
    multirun.hydra_context.callbacks.on_job_end(config=cfg, job_return=result)


def _describe_end(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its process ended with exit code {exitcode}"
    names = {known.value: known.name for known in signal.Signals}  # those of real time have none
    return f"its process was ended by {names.get(-exitcode, f'signal {-exitcode}')}"
