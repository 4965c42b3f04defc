"""Processes that run jobs side by side; the death of any of them is that of its job alone."""

import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import cloudpickle
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._capacity import shared_gpus, worker_count
from hydra_plugins.local_launcher._worker import Multirun

from src import launching
from src.launching import PEER_CLOSED, Job, JobError, JobKilledError, JobSource, SweepView

GRACE_SECONDS = 2.0  # in which an interrupted job may end in good order
POLL_SECONDS = 0.5  # how often the view of a running sweep is renewed


@dataclass
class Worker:
    """A process that runs one job after the other."""

    process: BaseProcess
    conn: Connection
    gpu: str | None
    timeout: float
    job: Job | None = None  # that it runs
    deadline: float = math.inf

    @classmethod
    def start(cls, shared: bytes, gpu: str | None, timeout: float | None) -> "Worker":
        """Fork a worker. Raises JobError where there may be no more processes or handles."""
        try:
            conn, theirs = multiprocessing.Pipe()
            with theirs, launching.defer_stop():
                process = launching.fork_server.fork(_worker.serve, theirs, shared, gpu)
        except OSError as error:
            raise JobError(f"no worker can be started: {error}") from error
        return cls(process, conn, gpu, timeout or math.inf)

    def begin(self, job: Job) -> None:
        """Let the worker run a job."""
        self.job, self.deadline = job, time.monotonic() + self.timeout
        with suppress(*PEER_CLOSED):  # killed while it had nothing to do; `result` tells
            self.conn.send((job.number, list(job.overrides)))

    def result(self) -> JobReturn | JobKilledError:
        """Return the result of a job that has ended or is late, or why there is none."""
        if not self.conn.poll():
            self.process.kill()
            return launching.JobTimeoutError(
                f"stopped after hydra.launcher.timeout={self.timeout:g} seconds"
            )
        try:
            result: JobReturn = cloudpickle.loads(self.conn.recv_bytes())
        except PEER_CLOSED:
            self.process.join()
            return JobKilledError(_describe_end(self.process.exitcode))
        self.job, self.deadline = None, math.inf
        return result


def launch(settings: Mapping[str, Any], multirun: Multirun, source: JobSource) -> list[JobReturn]:
    """Run the jobs of a source, each as soon as it is known and a worker is free.

    Returns their results in the order of their numbers; a failed one's carries the reason.
    """
    multirun.begin()
    pool = Pool(settings, multirun)
    with SweepView(multirun.folder, source) as view:
        try:
            pool.add(source.next({}), view)
            while pool.waiting or pool.busy():
                pool.hand_out()
                before = len(pool.returns)
                for worker in pool.wait():
                    pool.take(worker, view)
                launching.raise_if_stop_requested()
                if ended := list(pool.returns.items())[before:]:
                    errors = {number: launching.error_of(result) for number, result in ended}
                    pool.add(source.next(errors), view)
                view.refresh()
            pool.end()
        except BaseException:  # no worker outlives its sweep
            pool.end(is_abort=True)
            raise
    return [result for _, result in sorted(pool.returns.items())]


class Pool:
    """The workers of a sweep, its jobs that wait for one, and the returns of those that ended."""

    def __init__(self, settings: Mapping[str, Any], multirun: Multirun) -> None:
        self.settings, self.multirun = settings, multirun
        self.shared, self.gpus = multirun.dumps(), shared_gpus(multirun.config)
        self.most = worker_count(settings["workers"], settings["per_gpu"], self.gpus)
        self.workers: list[Worker] = []
        self.waiting: deque[Job] = deque()
        self.tries: dict[int, int] = {}
        self.returns: dict[int, JobReturn] = {}  # by the number of the job, as they come
        launching.fork_server.start(settings["preload"])

    def add(self, jobs: Sequence[Job], view: SweepView) -> None:
        """Let jobs wait for a worker, but for those whose results are there already."""
        view.add(jobs)
        known = view.results()
        for job in jobs:
            if job.number in known:
                result = JobReturn(list(job.overrides), status=JobStatus.COMPLETED)
                result.return_value = known[job.number]
                self.returns[job.number] = result
                view.done(job.number, None)
        self.waiting += [job for job in jobs if job.number not in known]
        self.tries |= {job.number: self.settings["retries"] for job in jobs}

    def busy(self) -> list[Worker]:
        """Return the workers that run a job."""
        return [worker for worker in self.workers if worker.job is not None]

    def hand_out(self) -> None:
        """Give waiting jobs to workers, started where there may be more of them."""
        idle = [worker for worker in self.workers if worker.job is None]
        while self.waiting and (idle or len(self.workers) < self.most):
            if not idle:
                used = [worker.gpu for worker in self.workers]
                gpu = min(self.gpus, key=used.count, default=None)
                idle = [Worker.start(self.shared, gpu, self.settings["timeout"])]
                self.workers += idle
            idle.pop().begin(self.waiting.popleft())

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
        job, result = worker.job, worker.result()
        assert job is not None
        if isinstance(result, JobKilledError):
            self.workers.remove(worker)
            worker.conn.close()
            if type(result) is JobKilledError and self.tries[job.number]:
                self.tries[job.number] -= 1
                view.again(job, result)
                self.waiting.append(job)
                return
            result = launching.failed(result, job.overrides)
            self.multirun.end_job(job.number, result)
        result.overrides = list(job.overrides)  # as Hydra prints them of a job that failed
        self.returns[job.number] = result
        view.done(job.number, launching.failure_of(result))

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


def _describe_end(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its process ended with exit code {exitcode}"
    names = {known.value: known.name for known in signal.Signals}  # those of real time have none
    return f"its process was ended by {names.get(-exitcode, f'signal {-exitcode}')}"
