"""Sweeps whose jobs depend on results: every launcher trains what the local one does."""

import re

import pytest

from src.tracking.job_record import JobRecord, Status
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals
from tests.conftest import Workplace

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=400", "figures=false", "device=cpu", "threads=1", "epochs=1")
GROWING = (
    "activation=relu,leaky_relu",  # as good as equal, so never decided
    "seed=auto",
    "compare.looks=[6,8]",
    "tune.space={optimizer.lr: log(0.01, 0.1)}",
    "tune.budget=2",
    "tune.untuned=false",
)
FEW = {"ray": ("hydra.launcher.init.num_cpus=2",), "joblib": ("hydra.launcher.n_jobs=2",)}


def jobs(place: Workplace, launcher: str) -> list[tuple]:
    """Return what a sweep by this launcher has trained, and to which errors."""
    command = (*SMALL, *GROWING, f"hydra/launcher={launcher}", *FEW.get(launcher, ()), "-m")
    told = place.train(*command)
    assert told.returncode == 0, told.stderr
    records = SweepJournals(Journal(place.folder / "sweep")).records()
    assert {record.status for record in records} == {Status.FINISHED}
    assert f"{len(records)} jobs: {len(records)} trained" in told.stderr
    counted = [int(n) for n in re.findall(r"^\[(\d+)/", told.stderr, re.MULTILINE)]
    assert launcher == "joblib" or counted == list(range(1, len(records) + 1))
    return sorted(map(result, records))


def result(record: JobRecord) -> tuple:
    """Return what a job was and came to, without its place and time."""
    keys = ("activation._target_", "optimizer.lr", "seed")
    return (record.role, *(record.params[key] for key in keys), record.best_val_error)


@pytest.fixture(scope="module")
def local(shared_workplace) -> list[tuple]:
    return jobs(shared_workplace, "local")


@pytest.mark.parametrize("launcher", ["joblib", "ray", "slurm"])
def test_every_launcher_trains_what_the_local_one_does(launcher, local, workplace, request):
    if launcher == "slurm":
        request.getfixturevalue("slurm")
    else:
        pytest.importorskip({"joblib": "hydra_plugins.hydra_joblib_launcher"}.get(launcher, "ray"))
    assert len(local) == 2 * (2 + 8), "of each variant two trials, and two looks of eight seeds"
    assert jobs(workplace, launcher) == local
