"""The jobs of a sweep in SLURM's queue: submitted by submitit, watched through squeue."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from math import ceil
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._cluster import POLL_SECONDS, Ended, collect
from hydra_plugins.local_launcher._worker import Multirun
from submitit import AutoExecutor, Job
from submitit.core.utils import (
    FailedJobError,
    FailedSubmissionError,
    environment_variables,
    pickle_load,
)
from submitit.helpers import DelayedSubmission

from src.launching import (
    JobError,
    JobKilledError,
    ProcessState,
    failed,
    quick_teardown,
    scheduler,
    submission,
    to_stderr,
)

FOLDER, SHARED = ".submitit", "multirun.pkl"
GONE_SECONDS = 10.0  # in which the result of a job that is gone may still arrive over a network
# A killed process is no end of the job for SLURM, whose shell outlives it.
RETRY = (
    "status=$?; if [ $status -ge 128 ] && [ ${SLURM_RESTART_COUNT:-0} -lt %d ];"
    " then scontrol requeue $SLURM_JOB_ID; fi; exit $status"
)


@dataclass(frozen=True)
class QueuedJob:
    """A callable that is small when pickled: all that jobs share lies in the file `shared`."""

    shared: str
    working_directory: str
    number: int
    overrides: list[str]

    def __call__(self) -> bytes:
        """Run the job; return its JobReturn, pickled by value."""
        os.chdir(self.working_directory)
        with quick_teardown():
            multirun = Multirun.restore(Path(self.shared).read_bytes())
            return _worker.run(multirun, self.number, self.overrides)

    def checkpoint(self) -> Any:
        """Return what is queued again; the job's own checkpoint lies on disk after each epoch."""
        return DelayedSubmission(self)


def launch(
    settings: Mapping[str, Any], multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Queue the jobs numbered from `first`; the failed ones' returns carry the reason."""
    multirun.begin()
    queued = _submit(settings, multirun, jobs, first)
    name = submission.record(multirun.folder, _arrays(queued))
    if multirun.config.submit:
        return []
    return collect(_polls(name, queued), multirun, jobs, first)


def _submit(
    settings: Mapping[str, Any], multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[Job]:
    own, folder = dict(settings), multirun.folder
    del own["threads"]  # of the job's config
    timeouts = own.pop("max_num_timeout")
    # One folder for all jobs: SLURM may start one before submitit could make a folder of its own.
    executor = AutoExecutor(folder / FOLDER, cluster="slurm", slurm_max_num_timeout=timeouts)
    if own["gpus_per_node"] == "auto":
        own["gpus_per_node"] = 1 if _has_gpus() else None
    own["teardown"] = [RETRY % own.pop("retries")]
    general = ("name", "timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb")
    named = {k if k in general else f"slurm_{k}": v for k, v in own.items() if v is not None}
    code = submission.copy_code(folder)
    named["slurm_additional_parameters"] = {"chdir": code, **own["additional_parameters"]}
    shared = folder / FOLDER / SHARED
    shared.parent.mkdir(parents=True, exist_ok=True)
    shared.touch(mode=0o600)  # it may hold a password
    shared.write_bytes(multirun.dumps())
    waiting = [
        QueuedJob(str(shared), str(Path.cwd()), first + index, overrides)
        for index, overrides in enumerate(jobs)
    ]
    most, queued = scheduler.largest_array(), list[Job]()
    named["slurm_array_parallelism"] = max(1, own["array_parallelism"] // ceil(len(jobs) / most))
    try:
        executor.update_parameters(**named)
        # submitit prints what sbatch says, which is told here.
        with environment_variables(**submission.environment(code)), redirect_stderr(StringIO()):
            for start in range(0, len(waiting), most):
                array = waiting[start : start + most]
                queued += executor.map_array(QueuedJob.__call__, array)
        return queued
    except (FailedJobError, FailedSubmissionError, ValueError) as error:
        if queued:  # such as more than the queue holds
            subprocess.run(["scancel", *_arrays(queued)], check=False)
        raise JobError(f"hydra/launcher=slurm: {_in_a_line(error) or 'sbatch fails'}") from error
    except (AssertionError, NameError) as error:  # of a key or value that is none of submitit's
        raise JobError(f"hydra.launcher: {_in_a_line(error)}") from error


def _arrays(jobs: Sequence[Job]) -> list[str]:
    return list(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))


def _in_a_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines())


def _has_gpus() -> bool:
    """Return whether any node of the cluster has GPUs to give."""
    command = ["sinfo", "--noheader", "--format=%G"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "gpu" in said


def _polls(name: str, queued: Sequence[Job]) -> Iterator[Ended]:
    waiting = dict(enumerate(queued))
    gone: dict[int, float] = {}  # since when SLURM counts a job as ended
    told: set[str] = set()
    while waiting:
        words = scheduler.words(name) if scheduler.is_reached(name) else None
        for reason in scheduler.holds((words or {}).values()) - told:
            to_stderr(f"SLURM holds jobs: {reason}")
            told.add(reason)
        ended = {}
        for index, job in waiting.items():
            result = _result(job)
            if result is None and words is not None:
                word = words.get(job.job_id, "")
                if word and scheduler.queue_state(word) != ProcessState.ENDED:
                    gone.pop(index, None)
                elif time.monotonic() - gone.setdefault(index, time.monotonic()) > GONE_SECONDS:
                    said = f"SLURM says {word or 'nothing of it any more'}"
                    result = failed(JobKilledError(f"its process is gone; {said}"))
            if result is not None:
                ended[index] = result
        waiting = {index: job for index, job in waiting.items() if index not in ended}
        yield ended.items()
        time.sleep(POLL_SECONDS)


def _result(job: Job) -> JobReturn | None:
    """Return what a job has come to, or None before its end."""
    path = job.paths.result_pickle
    if not path.exists():
        return None
    outcome, found = pickle_load(path)
    if outcome == "error":  # a job whose start already fails
        return failed(JobError(found.strip().splitlines()[-1]))
    return cloudpickle.loads(found)
