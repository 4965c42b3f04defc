"""Variables that notebooks, schedulers and CI set, and what they may change: nothing."""

import os
import subprocess
import sys

import pytest

from src.folders import ROOT
from tests.conftest import Workplace

SMALL = ("data=mnist_5k", "data.n=200", "epochs=1", "model=softmax", "figures=false", "threads=1")
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
VARIABLES = [
    INLINE,
    {"PYTHONWARNINGS": "error"},
    {"PYTHONOPTIMIZE": "2"},
    {"MLFLOW_EXPERIMENT_NAME": "other", "MLFLOW_RUN_ID": "0" * 32, "MLFLOW_EXPERIMENT_ID": "77"},
    {"CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "4,2", "SLURM_JOB_ID": "1", "CI": "true"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "COLUMNS": "20", "TERM": "dumb", "PYTHONSAFEPATH": "1"},
]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("variables", VARIABLES, ids=lambda it: next(iter(it)))
def test_a_sweep_reaches_mlflow_and_is_compared(variables, workplace):
    process = workplace.start(*SMALL, "seed=range(2)", "-m", env=os.environ | variables)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "reaches a test error" in " ".join(stdout.split())
    assert "Traceback" not in stderr
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"] * 3


def test_the_temporary_folder_may_have_a_long_name_or_be_missing(workplace, tmp_path):
    (long := tmp_path / ("t" * 120)).mkdir()
    for number, folder in enumerate((long, tmp_path / "missing")):
        process = workplace.start(
            *SMALL,
            f"seed={number}",
            f"hydra.sweep.dir={tmp_path}/sweep-{number}",
            "-m",
            env=os.environ | {"TMPDIR": str(folder)},
        )
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr


def test_the_server_of_the_environment_is_used_and_told(workplace):
    own = [line for line in workplace.overrides if not line.startswith("tracking.uri=")]
    told = subprocess.run(
        [sys.executable, "-m", "src.train", *own, *SMALL],
        cwd=ROOT,
        env=os.environ | {"MLFLOW_TRACKING_URI": workplace.uri},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("MLFLOW_TRACKING_URI") == 1
    assert len(workplace.runs()) == 1


def test_a_comparison_made_again_needs_no_backend_of_a_notebook(workplace: Workplace):
    assert workplace.train(*SMALL, "seed=0,1", "-m").returncode == 0
    where = [line for line in workplace.overrides if line.startswith("tracking.")]
    told = subprocess.run(
        [sys.executable, "-m", "src.compare", *where],
        cwd=ROOT,
        env=os.environ | INLINE,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
