"""Outages against a real MLflow server and a real full disk: nothing is lost or sent twice."""

import os
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from until import all_have, epochs, until

from src.folders import ROOT
from src.tracking.journal import Journal
from tests.conftest import Workplace
from tests.held import held

pytestmark = pytest.mark.slow

BATCHES = 12  # of an epoch
SMALL = ("data=mnist_5k", "data.n=1000", "figures=false", "device=cpu", "threads=1")
TWO = "hydra.launcher.workers=2"


@pytest.fixture(scope="module")
def started(mlflow, tmp_path_factory):
    with closing(MlflowServer(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def server(started):
    """The server, which answers whatever the test before has done to it."""
    if not started.answers():
        started.close()
        started.start()
    return started


def sync(folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "src.sync", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def steps(place: Workplace, run) -> list[int]:
    client = MlflowClient(place.uri)
    return [m.step for m in client.get_metric_history(run.info.run_id, "val/error")]


def test_a_server_that_is_killed_and_started_again_misses_nothing(server, tmp_path, processes):
    place = Workplace(tmp_path, server.uri.replace("//", "//user:pw@"), "restarted", processes)
    sweep, gates = place.folder / "sweep", (place.folder / "down", place.folder / "up")
    own = held(*gates, batches=2 * BATCHES)
    process = place.start(*SMALL, "epochs=6", "seed=0,1", TWO, *own, "-m")
    until(lambda: all_have(sweep, jobs=2, count=2), process)
    live = sync(sweep)
    assert live.stdout == "0 jobs had something to send\n", "jobs that run send for themselves"
    server.close()
    gates[0].touch()
    until(lambda: all_have(sweep, jobs=2, count=4), process)
    server.start()
    gates[1].touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    runs = place.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    for run in runs:
        if run.data.tags.get("kind") != "sweep":
            assert steps(place, run) == list(range(1, 7))
    kept = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    assert sweep / "multirun.yaml" in kept
    assert not [path for path, content in kept.items() if b"pw@" in content]


def test_a_server_that_stays_down_is_served_by_sync_exactly_once(server, tmp_path, processes):
    place, gate = Workplace(tmp_path, server.uri, "down", processes), tmp_path / "go on"
    process = place.start(*SMALL, "epochs=4", *held(gate, batches=2 * BATCHES))
    until(lambda: epochs(place.run_dir) >= 2, process)
    server.close()
    gate.touch()
    _, stderr = process.communicate()
    server.start()
    assert process.returncode == 0, stderr
    assert "warning: the tracking server misses a part" in stderr
    assert f"`python -m src.sync {place.run_dir}` sends it later" in stderr
    first, second = sync(place.run_dir), sync(place.run_dir)
    assert first.stdout.endswith("1 jobs had something to send\n"), first.stderr
    assert second.stdout == "0 jobs had something to send\n"
    (run,) = place.runs()
    assert run.info.status == "FINISHED"
    assert steps(place, run) == list(range(1, 5))
    kept = MlflowClient(place.uri).list_artifacts(run.info.run_id)
    assert {"config.yaml", "model.pt"} <= {file.path for file in kept}


def test_the_next_sweep_sends_what_an_outage_kept_back_and_trains_none_of_it(
    server, tmp_path, processes
):
    place, gate = Workplace(tmp_path, server.uri, "next", processes), tmp_path / "go on"
    command = (*SMALL, "epochs=4", "seed=0,1,2", *held(gate, batches=2 * BATCHES))
    process = place.start(*command, "-m")
    until(lambda: epochs(place.folder / "sweep" / "0") >= 2 and len(place.runs()) >= 2, process)
    server.close()
    gate.touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "warning: the tracking server misses a part of this sweep" in stderr
    server.start()
    assert "RUNNING" in {run.info.status for run in place.runs()}
    again = place.train(*command, f"hydra.sweep.dir={tmp_path}/again", "-m")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("  reused\n") == 3
    runs = place.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 8
    for run in runs:
        assert not run.data.tags.get("reason")
        if run.data.tags.get("kind") != "sweep":
            assert steps(place, run) == list(range(1, 5))


def test_while_the_server_is_down_results_are_reused_and_compared(server, tmp_path):
    place = Workplace(tmp_path, server.uri, "away")
    command = (*SMALL, "epochs=2", "activation=sigmoid,relu")
    first = place.train(*command, "seed=0,1", "-m")
    assert first.returncode == 0, first.stderr
    server.close()
    into = f"hydra.sweep.dir={tmp_path}/again"
    plan = place.train(*command, "seed=0,1", into, "dry_run=true", "-m")
    assert "4 to reuse, 0 to resume, 0 to train" in plan.stdout, plan.stderr
    again = place.train(*command, "seed=0,1,2", into, "-m")
    assert again.returncode == 0, again.stderr
    assert f"warning: tracking.uri={server.uri}: cannot be used" in again.stderr
    assert "6 jobs: 4 reused, 2 trained" in again.stderr
    assert "activation" in again.stdout
    assert (tmp_path / "again" / "artifacts" / "comparison" / "report.html").exists()
    server.start()
    assert sync(tmp_path).stdout.endswith("7 jobs had something to send\n")
    runs = place.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 12
    assert sum("reused_from" in run.data.tags for run in runs) == 4


def test_results_made_elsewhere_are_reused(server, tmp_path):
    here, there = (Workplace(tmp_path / name, server.uri, "shared") for name in ("a", "b"))
    command = (*SMALL, "epochs=2", "activation=sigmoid,relu", "seed=0", "-m")
    first = there.train(*command)
    assert first.returncode == 0, first.stderr
    shutil.rmtree(there.folder)
    again = here.train(*command)
    assert again.returncode == 0, again.stderr
    assert "2 jobs: 2 reused" in again.stderr
    by_name = {}
    for run in here.runs():
        by_name.setdefault(run.info.run_name, []).append(run)
    for name in ("activation=sigmoid", "activation=relu"):
        reused, origin = by_name[name]
        assert reused.data.tags["reused_from"] == origin.info.run_id
        assert reused.data.metrics == origin.data.metrics
        assert steps(here, reused) == [1, 2]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # MLflow keeps files open


def fill(disk: Path) -> Path:
    """Leave no room, also where memory that ran short for a moment refused a write before."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while shutil.disk_usage(disk).free:
            with suppress(OSError):
                file.write(bytes(4096))
    return filler


def test_a_database_on_a_full_disk_is_an_outage(small_disk, mlflow, tmp_path, processes):
    place = Workplace(tmp_path, f"sqlite:///{small_disk}/mlflow.db", "full", processes)
    # MLflow's own way to make it, with a rollback journal that needs room for every commit.
    subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", place.uri], check=True)
    gate = tmp_path / "go on"
    process = place.start(*SMALL, "epochs=150", *held(gate, batches=2 * BATCHES))
    until(lambda: epochs(place.run_dir) >= 2 and place.runs(), process)
    filler = fill(small_disk)
    gate.touch()
    _, stderr = process.communicate()
    filler.unlink()
    assert process.returncode == 0, stderr
    assert "warning: the tracking server misses a part" in stderr
    sync(place.run_dir)
    (run,) = place.runs()
    assert run.info.status == "FINISHED"
    assert steps(place, run) == list(range(1, 151))


def test_a_job_on_a_full_disk_fails_whole_and_goes_on_when_there_is_room(
    small_disk, mlflow, tmp_path, processes
):
    place = Workplace(tmp_path, f"sqlite:///{tmp_path}/mlflow.db", "full", processes)
    job, gate = small_disk / "sweep", tmp_path / "go on"
    command = (*SMALL, "epochs=150", *held(gate, batches=3 * BATCHES))
    process = place.start(*command, f"hydra.sweep.dir={job}", "-m")
    until(lambda: epochs(job / "0") >= 3, process)
    filler = fill(small_disk)
    gate.touch()
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert "No space left on device" in stderr
    assert epochs(job / "0") < 150
    assert all(Journal(job / "0").events()), "every line is whole"
    filler.unlink()
    again = place.train(*command, f"hydra.sweep.dir={tmp_path}/again", "-m")
    assert again.returncode == 0, again.stderr
    run = next(run for run in place.runs() if "mlflow.parentRunId" in run.data.tags)
    assert steps(place, run) == list(range(1, 151))
