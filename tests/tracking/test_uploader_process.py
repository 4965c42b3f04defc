"""The process that talks to the tracking server, when it is killed."""

import psutil
import pytest
from until import all_have, epochs, until

from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=1000", "figures=false", "device=cpu", "threads=1", "epochs=4")
BATCHES = 12  # of an epoch


def uploader(process) -> psutil.Process:
    (found,) = (
        child
        for child in psutil.Process(process.pid).children()
        if "src.tracking.uploader_process" in child.cmdline()
    )
    return found


def test_one_that_is_killed_in_the_middle_of_a_sweep_is_replaced(workplace):
    gate, two = workplace.folder / "go on", "hydra.launcher.workers=2"
    own = held(gate, batches=2 * BATCHES)
    process = workplace.start(*SMALL, "seed=0,1", two, *own, "-m")
    until(lambda: all_have(workplace.folder / "sweep", jobs=2, count=2), process)
    uploader(process).kill()
    gate.touch()
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert "Report: " in stderr
    assert "seeds" in stdout
    runs = workplace.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert all(run.data.metrics["epoch_seconds"] for run in runs if "seed" in run.data.tags)


def test_one_that_is_killed_beside_a_run_is_replaced(workplace):
    gate = workplace.folder / "go on"
    process = workplace.start(*SMALL, *held(gate, batches=2 * BATCHES))
    until(lambda: epochs(workplace.run_dir) >= 2, process)
    uploader(process).kill()
    gate.touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]
