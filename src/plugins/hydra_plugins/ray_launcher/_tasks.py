"""The jobs of a sweep as tasks of Ray."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported

import cloudpickle
import ray
from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._cluster import POLL_SECONDS, Ended, collect
from hydra_plugins.local_launcher._worker import Multirun
from ray.exceptions import RayError, RayTaskError

from src.launching import JobError, JobKilledError, failed, submission

CONNECT_SECONDS = 10.0  # in which a cluster answers; Ray itself would try for minutes
GRACE_SECONDS = 10.0  # in which interrupted jobs may end
QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}  # jobs have logs


def launch(
    settings: Mapping[str, Any], multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Run the jobs numbered from `first`; the failed ones' returns carry the reason."""
    multirun.begin()
    own = {key: value for key, value in settings["init"].items() if value is not None}
    own.setdefault("address", "local")  # Ray's own default is a cluster that runs on this machine
    _check_address(str(own["address"]))
    code = submission.copy_code(multirun.folder)
    environment = {"env_vars": dict(submission.environment(code))}
    try:
        ray.init(**QUIET, **own, runtime_env=environment)
    except (ConnectionError, ValueError, TypeError, RuntimeError) as error:
        raise JobError(f"hydra.launcher.init: {' '.join(str(error).split())}") from error
    tasks: dict[Any, int] = {}
    try:
        task = _task(settings)
        shared = ray.put(multirun.dumps())
        numbered = enumerate(jobs)
        tasks |= {task.remote(shared, first + index, job): index for index, job in numbered}
        return collect(_polls(tasks), multirun, jobs, first)
    finally:
        _stop(list(tasks))
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raise JobError for HOST:PORT, or that of Ray's client, where nobody listens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise JobError(
            f"hydra.launcher.init.address={address}: {error.strerror or error}"
        ) from error


def _stop(tasks: list[Any]) -> None:
    """Let jobs that still run end in good order, as after Ctrl-C; each gets KeyboardInterrupt."""
    with suppress(RayError):
        for task in tasks:
            ray.cancel(task)
        if tasks:
            ray.wait(tasks, num_returns=len(tasks), timeout=GRACE_SECONDS)


def _run(shared: bytes, number: int, overrides: list[str]) -> bytes:
    return _worker.run(Multirun.restore(shared), number, overrides)


def _task(settings: Mapping[str, Any]) -> Any:
    try:
        return ray.remote(**_options(settings))(_run)
    except (ValueError, TypeError) as error:
        raise JobError(f"hydra.launcher.remote: {error}") from error


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ray.remote. Raises JobError for more than any node could give."""
    wanted = dict(settings["remote"])
    there = ray.cluster_resources()
    if wanted["num_gpus"] == "auto":
        wanted["num_gpus"] = 1 if there.get("GPU") else 0
    for key, resource in (("num_cpus", "CPU"), ("num_gpus", "GPU")):
        if wanted[key] > (most := there.get(resource, 0)):
            raise JobError(f"hydra.launcher.remote.{key}={wanted[key]}: must be at most {most:g}")
    return wanted | {"max_retries": settings["retries"]}


def _polls(tasks: dict[Any, int]) -> Iterator[Ended]:
    while tasks:
        done, _ = ray.wait(list(tasks), num_returns=1, timeout=POLL_SECONDS)
        yield [(tasks.pop(task), _result(task)) for task in done]


def _result(task: Any) -> JobReturn:
    try:
        return cloudpickle.loads(ray.get(task))
    except RayTaskError as error:  # of what comes before the job, such as an import
        return failed(JobError(str(error.cause or error)))
    except RayError as error:
        said = str(error).splitlines() or [type(error).__name__]
        return failed(JobKilledError(f"its process is gone: {said[0]}"))
