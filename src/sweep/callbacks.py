"""The callback that Hydra runs, with the config it has composed, around a run and a multirun."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.config.hydra_internals import failure_of, typed_lines
from src.data.availability import ensure_data
from src.errors import InputError, JobKilledError, Refused
from src.inference.publish import Models
from src.messages import logs
from src.process.signals import defer_stop
from src.sweep import multirun
from src.sweep.closing import close_if_ended
from src.sweep.compose import resolved
from src.sweep.preflight import check_chdir, check_directories, check_is_single
from src.tracking import elsewhere, run_logger
from src.tracking.event import EventKind
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader import is_accompanied, upload
from src.tracking.uploader_process import start_uploader

log = logging.getLogger(__name__)


class SweepCallback(Callback):
    """Checks before the first job, and the end of a job that could not write its own."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check a single run before a directory or an MLflow run is made for it."""
        with _refusing():
            uploader = start_uploader()
            logs.show(config.hydra.verbose)
            check_chdir(config.hydra)
            check_is_single(config.hydra)
            nested = resolved(config).nested
            if nested["tune"]["space"]:
                raise InputError("tune.space: must go with -m; a single run tunes nothing")
            config.sweep.fallback = ensure_data([nested["data"]])
            if nested["dry_run"]:
                _show_plan(config)
            journal = Journal(Path(config.hydra.run.dir))
            check_directories(nested, "hydra.run.dir", journal.folder)
            uploader.ask("connect", ResultIndex.of(nested), config.hydra.verbose)
            uploader.ask("watch", journal.folder, None if nested["models"] == Models.NONE else 0)
            with defer_stop():
                from src import job  # noqa: F401, imports torch while the process imports MLflow
            uploader.answer()
            uploader.answer()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every job of a multirun, then begin it."""
        with _refusing():
            multirun.begin(config)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """End the run of a job that could not do so itself, such as one that was killed."""
        if (error := failure_of(job_return)) is not None and config.sweep.id is not None:
            _end_failed(config, error)
        if config.sweep.is_queued:
            sweep = Journal(Path(config.hydra.sweep.dir))
            index = ResultIndex.of(resolved(config).nested)
            if close_if_ended(sweep, index) and not is_accompanied(sweep.folder):
                upload(SweepJournals(sweep).find(), index.tracking.connect)
        # Of each job a sweep would keep both to its end, 0.1 MB.
        job_return.cfg = job_return.hydra_cfg = None


def _show_plan(config: DictConfig) -> NoReturn:
    """Print what would become of a single run, and end."""
    from src.training.setup import prepare  # imports torch

    job = resolved(config)
    index, name = ResultIndex.of(job.nested), prepare(job).identity(job).fingerprint
    path = index.checkpoint(name, is_single=True) if job.nested["resume"] else None
    action = index.decide(name, path, reuse=False).action
    hint = "" if job.nested["resume"] else "; resume=true goes on with one that was cut off"
    print(f"1 to {action}: a run that is no sweep (-m) takes no earlier result{hint}")
    raise SystemExit(0)


def _end_failed(config: DictConfig, error: BaseException) -> None:
    journal, job = Journal(Path(config.hydra.runtime.output_dir)), resolved(config)
    is_killed, number = isinstance(error, JobKilledError), config.hydra.job.num
    sweep, tracking = job.nested["sweep"], TrackingSettings.of(job.nested["tracking"])
    if sweep["uploads"] and not journal.path.exists():
        try:  # it may have run where this folder is not seen
            elsewhere.take_over(tracking, journal, sweep["id"], number)
        except InputError:
            log.debug("%s: not fetched", journal.folder, exc_info=True)
    before = fold(journal)
    if before is None:
        overrides = typed_lines(config.hydra.overrides.task)
        start = run_logger.job_metadata(job, overrides, number)
        journal.append(EventKind.START, **start)
    if before is None or (is_killed and before.status in (Status.RUNNING, Status.KILLED)):
        end(journal, Status.KILLED if is_killed else Status.FAILED, str(error))
        if sweep["uploads"]:
            upload([journal], tracking.connect)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Hydra would only warn of it
        raise Refused from error
