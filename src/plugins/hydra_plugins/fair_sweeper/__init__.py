"""A Hydra sweeper that tunes each variant alike, and adds seeds while a comparison is undecided."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from src.launching import basic_sweeper, depends_on_results, error_of, open_rounds


class FairSweeper(Sweeper):
    """Hydra's basic sweeper, but for sweeps with `tune.space` or `seed=auto`."""

    def __init__(self, **settings: Any) -> None:
        self.basic = basic_sweeper(**settings)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what the jobs need."""
        self.basic.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs; those that depend on results begin when these are in."""
        assert self.config is not None
        if not depends_on_results(self.config):
            return self.basic.sweep(arguments)
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        with open_rounds(self.config) as rounds:
            if stream := getattr(self.basic.launcher, "stream", None):
                return [stream(rounds)]
            return self._launch_rounds(rounds)

    def _launch_rounds(self, rounds: Any) -> list[Sequence[JobReturn]]:
        """Run the jobs that are known, then those that their results make known, and so on."""
        returns: list[Sequence[JobReturn]] = []
        jobs, launched = rounds.next({}), 0
        while jobs:
            batch = [list(job.overrides) for job in jobs]
            returns.append(self.basic.launcher.launch(batch, initial_job_idx=launched))
            launched += len(batch)
            numbers = [job.number for job in jobs]
            errors = [error_of(result) for result in returns[-1]]
            jobs = rounds.next(dict(zip(numbers, errors, strict=True)))
        return returns
