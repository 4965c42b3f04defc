"""SLURM's own account of jobs: the one that this process is, and the state of others.

https://slurm.schedmd.com/squeue.html and https://slurm.schedmd.com/scontrol.html; sacct knows
nothing where a cluster keeps no accounts.
"""

import getpass
import logging
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

TIMEOUT = 20.0  # seconds in which SLURM's controller answers
ATTEMPTS = 3
MAX_AGE = 2  # seconds for which an answer is taken to hold
SUBMITTED = "SUBMITIT_EXECUTOR"  # set for jobs that submitit has made, and can make again
WAITING = ("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT")
ENDED = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT"),
)

# https://slurm.schedmd.com/job_reason_codes.html
QUEUEING = {"BeginTime", "Cleaning", "JobArrayTaskLimit", "Priority", "Prolog", "Resources"}

log = logging.getLogger(__name__)


class ProcessState(StrEnum):
    """The state of a job's process, or of the job in its scheduler's queue."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"  # of another machine, or of a scheduler that does not answer


def own_job() -> str:
    """Return the name of the job that this process is, slurm:CLUSTER:ID; "" for none."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    own = f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID", "")
    return job_name(os.environ.get("SLURM_CLUSTER_NAME", ""), own) if own else ""


def job_name(cluster: str, job_id: str) -> str:
    """Return the name under which a journal keeps a job of a cluster."""
    return f"slurm:{cluster}:{job_id}"


def state(job: str) -> ProcessState:
    """Return the state of a job, or of arrays: queued or running if any job of them is."""
    if not is_reached(job):
        return ProcessState.UNKNOWN
    found = {queue_state(word) for word in words(job).values()}
    order = (ProcessState.RUNNING, ProcessState.QUEUED)
    return next((each for each in order if each in found), ProcessState.ENDED)


def queue_state(word: str) -> ProcessState:
    """Return the state that words of squeue's stand for; what is completing still runs."""
    state = word.partition(" ")[0]
    if state in WAITING:
        return ProcessState.QUEUED
    return ProcessState.ENDED if state in ENDED else ProcessState.RUNNING


def words(job: str) -> Mapping[str, str]:
    """Return state, node and reason of a job or, by id, of each of arrays; none if forgotten."""
    own = job.rpartition(":")[2].split(",")
    listed = _queue(int(time.monotonic() / MAX_AGE)) or {}
    return {k: word for k, word in listed.items() if k in own or k.partition("_")[0] in own}


def holds(said: Iterable[str]) -> set[str]:
    """Return why jobs wait by their `words`, unless they only wait for room."""
    pairs = (word.rstrip(")").partition(" (") for word in said)
    return {reason for state, _, reason in pairs if state == "PENDING" and reason} - QUEUEING


def is_reached(job: str) -> bool:
    """Return whether the scheduler of a job answers on this machine."""
    return cluster() == job.split(":")[1] and _queue(int(time.monotonic() / MAX_AGE)) is not None


def forget() -> None:
    """Ask anew, also if the last answer is young: a job was submitted since."""
    _queue.cache_clear()
    _config.cache_clear()


@lru_cache(maxsize=1)
def _queue(moment: int) -> Mapping[str, str] | None:
    """Return this user's jobs by their ids; None where nobody answers."""
    listed = _ask(
        *("squeue", "--noheader", "--array", "--states=all", "--format=%i %T on %N (%r)"),
        f"--user={getpass.getuser()}",
    )
    if listed is None:
        return None
    pairs = (line.strip().removesuffix(" (None)").partition(" ") for line in listed.splitlines())
    return {job: said.replace(" on  (", " (").removesuffix(" on") for job, _, said in pairs if said}


def cluster() -> str | None:
    """Return the name of the cluster of this machine; None where there is none."""
    return _config().get("ClusterName")


def largest_array() -> int:
    """Return how many jobs the cluster takes in one array."""
    return max(1, int(_config().get("MaxArraySize", 1)))


@lru_cache(maxsize=1)
def _config() -> Mapping[str, str]:
    """Return the settings of the cluster; none where nobody answers."""
    said = _ask("scontrol", "show", "config") or ""
    pairs = (line.partition("=") for line in said.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def starts_again(is_told: bool) -> bool:
    """Return whether SLURM starts this process's job again after its end, as after a requeue.

    `is_told` says that SIGTERM ends it. One that comes while SLURM counts the job as running
    means that it has to make room: it asks to be queued again, before its grace time ends.
    """
    if not (job := own_job()):
        return False
    job_id = job.rpartition(":")[2]
    said = _ask("scontrol", "--oneliner", "show", "job", job_id) or ""
    now = dict(pair.partition("=")[::2] for pair in said.split())
    if int(now.get("Restarts", 0)) > int(os.environ.get("SLURM_RESTART_COUNT", 0)):
        return True
    makes_room = is_told and SUBMITTED in os.environ and now.get("JobState") == "RUNNING"
    return makes_room and _ask("scontrol", "requeue", job_id) is not None


def _ask(*command: str) -> str | None:
    """Return what one of SLURM's commands prints, or None where it fails."""
    for _ in range(ATTEMPTS):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=TIMEOUT
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.debug("%s: %s", command[0], error)
            return None
        if done.returncode >= 0:  # else it met the signal that this very job is sent
            break
    log.debug("%s: %s", command[0], done.stderr)
    return done.stdout if done.returncode == 0 else None
