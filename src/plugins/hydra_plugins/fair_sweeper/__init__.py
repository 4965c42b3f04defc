"""A Hydra sweeper that tunes each variant alike, and adds seeds while a comparison is undecided."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from src.launching import depends_on_results, error_of, failure_of, launched_lines, open_rounds


class FairSweeper(Sweeper):
    """A sweeper of all combinations, and of the rounds of `tune.space` and `seed=auto`.

    Its settings are read with the config of the sweep, when the jobs are composed.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Make the launcher."""
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs; those that depend on results begin when these are in."""
        assert self.config is not None
        assert self.launcher is not None
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        if depends_on_results(self.config):
            with open_rounds(self.config) as rounds:
                stream = getattr(self.launcher, "stream", None)
                returns = [stream(rounds)] if stream else self._launch_rounds(rounds)
        else:
            returns = [self.launcher.launch(launched_lines(self.config), initial_job_idx=0)]
        for error in filter(None, map(failure_of, chain(*returns))):
            raise error  # a job's journal may lack its end, as on a full disk
        return returns

    def _launch_rounds(self, rounds: Any) -> list[Sequence[JobReturn]]:
        """Run the jobs that are known, then those that their results make known, and so on."""
        assert self.launcher is not None
        returns: list[Sequence[JobReturn]] = []
        jobs, launched = rounds.next({}), 0
        while jobs:
            batch = [list(job.overrides) for job in jobs]
            returns.append(self.launcher.launch(batch, initial_job_idx=launched))
            launched += len(batch)
            numbers = [job.number for job in jobs]
            errors = [error_of(result) for result in returns[-1]]
            jobs = rounds.next(dict(zip(numbers, errors, strict=True)))
        return returns
