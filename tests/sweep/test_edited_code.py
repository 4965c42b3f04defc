"""Code that is edited while a sweep runs: no result gets the name of code that did not make it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from until import epochs, until

from src import ROOT
from src.tracking.journal import Journal

EPOCHS = 20  # enough that the first job still runs when the file is edited
COMMAND = ("model=cnn", "seed=0,1,2", "data=mnist_5k", "data.n=400", f"epochs={EPOCHS}")
SETTINGS = ("figures=false", "device=cpu", "threads=1", "hydra.launcher.workers=1", "-m")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of this checkout to edit."""
    for folder in ("src", "conf"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=ignored)
    return tmp_path / "checkout"


def start(checkout: Path, place, sweep: str) -> subprocess.Popen:
    """The same command once more, into a folder of its own."""
    path = os.pathsep.join([str(checkout), str(checkout / "src" / "plugins")])
    where = [*place.overrides[:-1], f"hydra.sweep.dir={place.folder}/{sweep}"]
    return subprocess.Popen(
        [sys.executable, "-m", "src.train", *where, *COMMAND, *SETTINGS],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen) -> None:
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr


def reused(folder: Path) -> list[bool]:
    """For each of the three jobs whether it was taken from an earlier sweep."""
    starts = [next(Journal(folder / str(number)).events()) for number in range(3)]
    return ["reused_from" in start["tags"] for start in starts]


def worker_of(folder: Path) -> int:
    start = next(Journal(folder).events())
    return int(start["tags"]["process"].partition("@")[0])


def losses(folder: Path, number: int) -> list[float]:
    values = [event.get("values", {}) for event in Journal(folder / str(number)).events()]
    return [value["train/loss"] for value in values if "train/loss" in value]


@pytest.mark.slow
def test_a_model_edited_while_its_sweep_runs(checkout, workplace, config, components):
    cnn, folder = checkout / "src" / "models" / "cnn.py", workplace.folder
    original = cnn.read_text()
    first = start(checkout, workplace, "first")
    until(lambda: epochs(folder / "first" / "0") >= 1)
    cnn.write_text(original.replace("nn.Flatten()", "nn.Dropout(), nn.Flatten()"))
    assert not (folder / "first" / "1").exists()
    os.kill(worker_of(folder / "first" / "0"), signal.SIGKILL)  # a new one begins after the edit
    finish(first)
    job = ("model=cnn", "seed=2", f"epochs={EPOCHS}")
    by_original = [e.train_loss for e in components(*job).epochs(config(*job), done=0)]
    assert losses(folder / "first", 2) == by_original

    finish(start(checkout, workplace, "edited"))
    assert reused(folder / "edited") == [False] * 3
    for number in range(3):
        assert losses(folder / "edited", number) != losses(folder / "first", number)

    cnn.write_text(original + "\n# a comment\n")
    finish(start(checkout, workplace, "restored"))
    assert reused(folder / "restored") == [True] * 3
