"""The jobs of a sweep as tasks of Ray."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported

import cloudpickle
import ray
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra_plugins.local_launcher import _worker
from hydra_plugins.local_launcher._pool import end_job
from hydra_plugins.local_launcher._worker import Multirun
from ray.exceptions import RayError, RayTaskError

from src.launching import (
    Batch,
    JobError,
    JobKilledError,
    SweepView,
    raise_if_stop_requested,
    submission,
)

POLL_SECONDS = 0.5
QUIET: Mapping[str, Any] = {
    "log_to_driver": False,
    "logging_level": "ERROR",
}  # jobs and Ray have logs of their own


def launch(
    settings: Mapping[str, Any], multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Run the jobs numbered from `first`; the failed ones' returns carry the reason."""
    setup_globals()
    hydra = multirun.config.hydra
    configure_log(hydra.hydra_logging, hydra.verbose)
    folder = Path(str(hydra.sweep.dir)).absolute()
    own = {key: value for key, value in settings["init"].items() if value is not None}
    code = submission.copy_code(folder)
    environment = {"env_vars": dict(submission.environment(code))}
    try:
        ray.init(**QUIET, **own, runtime_env=environment)
    except (ConnectionError, ValueError, TypeError, RuntimeError) as error:
        raise JobError(f"hydra.launcher.init: {' '.join(str(error).split())}") from error
    try:
        task = ray.remote(**_options(settings))(_run)
        shared = ray.put(multirun.dumps())
        tasks = {
            task.remote(shared, first + index, overrides): index
            for index, overrides in enumerate(jobs)
        }
        source = Batch(jobs, first)
        with SweepView(folder, source) as view:
            view.add(source.next({}))
            return _wait(tasks, multirun, jobs, first, view)
    finally:
        ray.shutdown()


def _run(shared: bytes, number: int, overrides: list[str]) -> bytes:
    return _worker.run(Multirun.restore(shared), number, overrides)


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


def _wait(
    tasks: dict[Any, int],
    multirun: Multirun,
    jobs: Sequence[list[str]],
    first: int,
    view: SweepView,
) -> list[JobReturn]:
    returns: dict[int, JobReturn] = {}
    while tasks:
        done, _ = ray.wait(list(tasks), num_returns=1, timeout=POLL_SECONDS)
        for each in done:
            index = tasks.pop(each)
            returns[index] = result = _result(each, jobs[index])
            failed = result.status == JobStatus.FAILED
            if failed and isinstance(result._return_value, JobKilledError):
                end_job(multirun, first + index, result)
            view.done(first + index, result._return_value if failed else None)
        view.refresh()
        raise_if_stop_requested()
    return [returns[index] for index in range(len(jobs))]


def _result(task: Any, overrides: list[str]) -> JobReturn:
    try:
        result: JobReturn = cloudpickle.loads(ray.get(task))
    except RayTaskError as error:  # of what comes before the job, such as an import
        failure: JobError = JobError(str(error.cause or error))
    except RayError as error:
        said = str(error).splitlines() or [type(error).__name__]
        failure = JobKilledError(f"its process is gone: {said[0]}")
    else:
        result.overrides = overrides
        return result
    return JobReturn(overrides=overrides, status=JobStatus.FAILED, _return_value=failure)
