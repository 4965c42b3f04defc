"""The process of a pool: it runs jobs, one after the other, and ends with the sweep."""

import gc
import logging
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from src import launching
from src.launching import PEER_CLOSED, Batch, JobError, JobRequeued

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Multirun:
    """All that the jobs of a multirun have in common."""

    hydra_context: HydraContext
    config: DictConfig
    task_function: TaskFunction

    @property
    def folder(self) -> Path:
        """The directory of the sweep."""
        return Path(str(self.config.hydra.sweep.dir)).absolute()

    def begin(self) -> None:
        """Get Hydra, and the sweep's directory, ready for its jobs."""
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        self.folder.mkdir(parents=True, exist_ok=True)

    def batch(self, overrides: Sequence[Sequence[str]], first: int) -> Batch:
        """Return jobs of which the sweeper knows now; many say how many there will be."""
        hydra = self.config.hydra
        is_search = hydra.sweeper._target_ not in (launching.BASIC_SWEEPER, launching.FAIR_SWEEPER)
        typed = launching.typed_lines(hydra.overrides.task) if is_search else None
        return Batch(overrides, first, hydra.sweeper.get("n_trials"), typed)

    def compose(self, number: int, overrides: Sequence[str]) -> DictConfig:
        """Return the config of the job of this number."""
        loader = self.hydra_context.config_loader
        cfg = loader.load_sweep_config(self.config, list(overrides))
        with open_dict(cfg):
            cfg.hydra.job.num, cfg.hydra.job.id = number, str(number)
        return cfg

    def end_job(self, number: int, result: JobReturn) -> None:
        """Call Hydra's on_job_end for a job whose process did not live to do so."""
        cfg = self.compose(number, result.overrides or [])
        with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
            folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
            cfg.hydra.runtime.output_dir = str(folder.absolute())
        self.hydra_context.callbacks.on_job_end(config=cfg, job_return=result)

    def dumps(self) -> bytes:
        """Pickle it with Hydra's state, by value: Hydra's config classes exist twice."""
        return cloudpickle.dumps((self, Singleton.get_state()))

    @staticmethod
    def restore(shared: bytes) -> "Multirun":
        """Return what `dumps` has pickled, after Hydra's state has become this process's."""
        multirun, state = cloudpickle.loads(shared)
        setup_globals()
        Singleton.set_state(state)
        return multirun


def serve(conn: Connection, shared: bytes, gpu: str | None) -> None:
    """Run the jobs that arrive until the connection closes; end when the sweep does."""
    gc.freeze()
    gc.enable()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    multirun = Multirun.restore(shared)
    with suppress(*PEER_CLOSED):
        while True:
            conn.send_bytes(run(multirun, *conn.recv()))
    os._exit(0)  # taking torch apart takes a second


def run(multirun: Multirun, number: int, overrides: list[str]) -> bytes:
    """Run a job; return its JobReturn, pickled by value."""
    try:
        result = run_job(
            hydra_context=multirun.hydra_context,
            task_function=partial(_with_log, multirun.task_function),
            config=multirun.compose(number, overrides),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        return cloudpickle.dumps(result)
    except (KeyboardInterrupt, JobRequeued):
        os._exit(launching.EXIT_STATUS)  # a worker that is told to stop takes no other job
    except BaseException as error:  # sys.exit in a job must not end the sweep
        log.debug("job %d failed", number, exc_info=True)
        failure = JobError(f"{type(error).__name__}: {error}")
        return cloudpickle.dumps(launching.failed(failure))


def _with_log(task_function: TaskFunction, cfg: DictConfig) -> Any:
    """Run a job whose output goes to a file of its own."""
    path = Path(HydraConfig.get().runtime.output_dir) / "output.log"
    # A terminal of plain ASCII is no reason why a file should lack a character.
    log = path.open("a", encoding="utf-8", errors="replace")
    with log, redirect_stdout(log), redirect_stderr(log):
        return task_function(cfg)
