"""Searches by a sweeper that is not this project's, and learns of results batch by batch."""

import os

import pytest

from src.compare.__main__ import main as compare_again
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=400", "figures=false", "device=cpu", "threads=1", "epochs=1")
# Hydra takes plugins from the namespace package hydra_plugins alone.
SWEEPER = """
from hydra.plugins.sweeper import Sweeper


class Halving(Sweeper):
    '''Goes on from the best of two learning rates to one between them; a damaged study fails.'''

    def __init__(self, n_trials, study):
        self.n_trials, self.study = n_trials, study

    def setup(self, *, hydra_context, task_function, config):
        from hydra.core.plugins import Plugins

        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        if self.study == 'damaged':
            raise LookupError('no such table: studies')
        if self.study == 'old':
            exec('assert None', {'__name__': 'optuna.storages._rdb.storage'})
        low, high, first = 0.001, 1.0, 0
        while first < self.n_trials:
            batch = [[*arguments, f'optimizer.lr={lr}'] for lr in (low, high)]
            found = self.launcher.launch(batch, initial_job_idx=first)
            values = [each.return_value for each in found]
            middle = (low * high) ** 0.5
            low, high = (low, middle) if values[0] < values[1] else (middle, high)
            first += 2
"""


@pytest.fixture
def searching(workplace, tmp_path):
    """A command line of this sweeper, run to its end."""
    plugins = tmp_path / "hydra_plugins"
    plugins.mkdir()
    (plugins / "halving.py").write_text(SWEEPER)
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}

    def run(*arguments: str):
        options = tmp_path / "options" / "hydra" / "sweeper"
        options.mkdir(parents=True, exist_ok=True)
        (options / "halving.yaml").write_text(
            "_target_: hydra_plugins.halving.Halving\nn_trials: 4\nstudy: whole\n"
        )
        config = ("--config-dir", str(tmp_path / "options"), "hydra/sweeper=halving")
        process = workplace.start(*SMALL, *config, *arguments, "-m", env=env)
        stdout, stderr = process.communicate()
        return process.returncode, stdout, stderr

    return run


def test_a_search_ends_with_its_best_trial_and_the_command_that_trains_it(
    searching, workplace, capsys
):
    status, stdout, stderr = searching()
    assert status == 0, stderr
    sweep = Journal(workplace.folder / "sweep")
    errors = {job: fold(Journal(sweep.folder / job)).best_val_error for job in "0123"}
    best = min(errors, key=errors.get)
    (again,) = [line for line in stdout.splitlines() if line.startswith("Again: ")]
    lr = fold(Journal(sweep.folder / best)).params["optimizer.lr"]
    assert f"optimizer.lr={lr}" in again
    assert f"Best of 4 trials: optimizer.lr={lr} (trial {best})" in " ".join(stdout.split())
    assert [f"[{n}/4]" in stderr for n in range(1, 5)] == [True] * 4
    assert "undecided" not in (stdout + stderr).lower()
    run = next(run for run in workplace.runs() if run.data.tags.get("kind") == "sweep")
    assert run.data.metrics["best/val_error"] == errors[best]
    names = ("report.html", "search.png", "trials.csv")
    folder = workplace.folder / "artifacts" / run.info.run_id / "artifacts" / "comparison"
    assert all((folder / name).exists() for name in names)
    compare_again([run.info.run_id, *(o for o in workplace.overrides if "tracking." in o)])
    assert f"Best of 4 trials: optimizer.lr={lr}" in " ".join(capsys.readouterr().out.split())
    once_more = workplace.train(*again.removeprefix("Again: python -m src.train ").split())
    assert once_more.returncode == 0, once_more.stderr
    assert fold(Journal(workplace.run_dir)).best_val_error == errors[best]


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ("damaged", "hydra/sweeper: LookupError: no such table: studies"),
        ("old", "hydra.sweeper.storage: an Optuna below 3.1 keeps no study beside SQLAlchemy 2"),
    ],
)
def test_a_damaged_study_is_one_line(searching, workplace, study, said):
    status, _, stderr = searching(f"hydra.sweeper.study={study}")
    assert status == 1
    assert "Traceback" not in stderr
    assert said in stderr.splitlines()[-1]
    assert fold(Journal(workplace.folder / "sweep")).status == Status.FAILED
