"""Code that is edited while a sweep runs: no result gets the name of code that did not make it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from until import epochs, until

from src.folders import ROOT
from src.tracking.journal import Journal
from tests.held import held

EPOCHS = 3
COMMAND = ("model=cnn", "seed=0,1,2", "data=mnist_5k", "data.n=400", f"epochs={EPOCHS}")
SETTINGS = ("figures=false", "device=cpu", "threads=1", "hydra.launcher.workers=1", "-m")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of this checkout to edit."""
    for folder in ("src", "conf"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=ignored)
    for name in ("held.py", "launcher/faulty.py"):
        (copy := tmp_path / "checkout" / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, copy)
    return tmp_path / "checkout"


def start(checkout: Path, place, sweep: str) -> subprocess.Popen:
    """The same command once more, into a folder of its own."""
    path = os.pathsep.join([str(checkout), str(checkout / "src" / "plugins")])
    where = [*place.overrides[:-1], f"hydra.sweep.dir={place.folder}/{sweep}"]
    command = [sys.executable, "-m", "src.train", *where, *COMMAND, *own_part(place), *SETTINGS]
    return place.processes.start(command, cwd=checkout, env=os.environ | {"PYTHONPATH": path})


def own_part(place) -> tuple[str, ...]:
    """The overrides that hold each job after its first epoch of five batches."""
    return held(place.folder / "go on", batches=5)


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
    until(lambda: epochs(folder / "first" / "0") >= 1, first)
    cnn.write_text(original.replace("nn.Flatten()", "nn.Dropout(), nn.Flatten()"))
    assert not (folder / "first" / "1").exists()
    os.kill(worker_of(folder / "first" / "0"), signal.SIGKILL)  # a new one begins after the edit
    (folder / "go on").touch()
    finish(first)
    job = ("model=cnn", "seed=2", f"epochs={EPOCHS}", *own_part(workplace))
    by_original = [e.train_loss for e in components(*job).epochs(config(*job), done=0)]
    assert losses(folder / "first", 2) == by_original

    finish(start(checkout, workplace, "edited"))
    assert reused(folder / "edited") == [False] * 3
    for number in range(3):
        assert losses(folder / "edited", number) != losses(folder / "first", number)

    cnn.write_text(original + "\n# a comment\n")
    finish(start(checkout, workplace, "restored"))
    assert reused(folder / "restored") == [True] * 3
