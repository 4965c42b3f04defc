"""What Hydra calls, with the config it has composed, around a run and a multirun."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src import process_identity
from src.data.availability import settle
from src.errors import JobKilledError, Refused
from src.signals import exit_on_signal
from src.sweep import multirun
from src.sweep.checks import check_chdir
from src.sweep.compose import resolved
from src.tracking import recording, serving
from src.tracking.journal import Journal
from src.tracking.outcomes import close, outcome
from src.tracking.sender import open_store, send_all
from src.tracking.sidecar import start_sidecar


class Hooks(Callback):
    """What happens before the first job, and the end of a job that could not write its own."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check a single run before a directory or an MLflow run is made for it."""
        with _refusing():
            sidecar = start_sidecar()
            check_chdir(config.hydra)
            tree = resolved(config).tree
            if tree["dry_run"]:
                print("1 to train: a run that is no sweep (-m) always trains")
                raise SystemExit(0)
            config.sweep.fallback = settle([tree["data"]])
            journal = Journal(Path(config.hydra.run.dir))
            journal.check_unused("hydra.run.dir")
            owner = process_identity.process_id()
            sidecar.send(serving.serve_job, journal.folder, tree["tracking"], owner)
            with exit_on_signal():
                from src import job  # noqa: F401, imports torch while the sidecar imports MLflow
            sidecar.receive()
            config.sweep.relay = recording.SIDECAR

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every job of a multirun, then begin it."""
        with _refusing():
            multirun.begin(config)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """End the run of a job that could not do so itself, such as one that was killed."""
        if job_return.status == JobStatus.FAILED and config.sweep.run_id is not None:
            _end_failed(config, job_return._return_value)


def _end_failed(config: DictConfig, error: BaseException) -> None:
    journal, job = Journal(Path(config.hydra.runtime.output_dir)), resolved(config)
    is_killed = isinstance(error, JobKilledError)
    before = outcome(journal)
    if before is None:
        overrides, number = config.hydra.overrides.task, config.hydra.job.num
        journal.append("start", **recording.identity(job, list(overrides), number))
    if before is None or (is_killed and before.status in ("RUNNING", "KILLED")):
        close(journal, "KILLED" if is_killed else "FAILED", str(error))
        if job.tree["sweep"]["relay"] is None:
            send_all([journal], partial(open_store, job.tree["tracking"]), seconds=0)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Refused from error
