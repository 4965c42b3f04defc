"""Sweeps into a shared server: PostgreSQL, an S3 store, and users who need their passwords."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml
from mlflow_server import MlflowServer, free_port
from postgres import Postgres
from s3 import BUCKET, S3
from until import until

from src.folders import ROOT
from tests.conftest import Workplace
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=400", "figures=false", "device=cpu", "threads=1", "epochs=1")
ADMIN = ("admin", "s3cr3t-of-the-admin")


@dataclass(frozen=True)
class SharedServer:
    """A server that lets in the users it knows."""

    uri: str

    def ask(self, method: str, call: str, name: str, password: str) -> None:
        """Let the administrator create a user, or change a password."""
        user = {"username": name, "password": password}
        address = f"{self.uri}/api/2.0/mlflow/users/{call}"
        requests.request(method, address, json=user, auth=ADMIN, timeout=60).raise_for_status()

    def user(self, name: str) -> Mapping[str, str]:
        """Create a user; return the variables of their commands."""
        self.ask("POST", "create", name, f"s3cr3t-of-{name}")
        return as_user(name, f"s3cr3t-of-{name}")


def as_user(name: str, password: str) -> Mapping[str, str]:
    """The variables by which MLflow's clients are a user."""
    return os.environ | {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}


@pytest.fixture(scope="module")
def server(
    postgres: Postgres, s3: S3, mlflow: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedServer]:
    """The server of compose.yaml, before a database and a store without Docker."""
    pytest.importorskip("flask_wtf", reason='no users of MLflow: pip install -e ".[test]"')
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    parts = yaml.safe_load((ROOT / "compose.yaml").read_text())
    users = parts["configs"]["auth"]["content"].replace("/users", str(folder))
    # One worker, which hears of a new password at once, and no hash of it for every request.
    (folder / "auth.ini").write_text(f"{users}auth_cache_ttl_seconds = 600\n")
    own = {
        **s3.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_BACKEND_STORE_URI": postgres.create("tracking"),
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "s3cr3t-of-the-pages",
    }
    command = parts["services"]["server"]["command"]
    here = {"0.0.0.0": "127.0.0.1", "5000": str(port), "--workers 4": "--workers 1"}
    for theirs, ours in here.items():
        command[-1] = command[-1].replace(theirs, ours)
    environment = parts["services"]["server"]["environment"] | own
    served = MlflowServer(folder, port, [*command], environment)
    with closing(served):
        served.start()
        yield SharedServer(served.uri)


def train(place: Workplace, user: Mapping[str, str], *arguments: str, clone: Path = ROOT):
    """A sweep of this user, from a clone of the code."""
    env = {**user, "PYTHONPATH": f"{clone}:{clone}/src/plugins"}
    command = [sys.executable, "-m", "src.train", *place.overrides, *SMALL, *arguments, "-m"]
    return subprocess.run(
        command, cwd=clone, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip


def runs(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> list:
    """Return what the server has of an experiment, in the eyes of the administrator."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
    return place.runs()


def test_a_sweep_in_an_s3_store_is_reused_by_another_machine(server, s3, tmp_path, monkeypatch):
    user = server.user("ada")
    there, here = (Workplace(tmp_path / name, server.uri, "shared") for name in ("a", "b"))
    command = ("activation=relu,tanh",)
    first = train(there, user, *command)
    assert first.returncode == 0, first.stderr
    assert f"Report: {server.uri}/#/experiments/" in first.stderr
    assert {"model.pt", "config.yaml", "report.html"} <= s3.names("artifacts")
    said = (first.stdout + first.stderr).encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (b"s3cr3t-of-ada", *(v.encode() for v in s3.environment.values() if "s3" in v)):
        assert secret not in said
        assert not [path for path in files if secret in path.read_bytes()]
    shutil.rmtree(there.folder)
    clone = tmp_path / "clone"
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, clone / name)
    again = train(here, server.user("grace"), *command, clone=clone)
    assert again.returncode == 0, again.stderr
    assert "2 jobs: 2 reused" in again.stderr
    found = runs(here, monkeypatch)
    assert {run.info.status for run in found} == {"FINISHED"}
    assert sum("reused_from" in run.data.tags for run in found) == 2


def test_a_wrong_password_is_one_line_before_the_first_job(server, tmp_path):
    place = Workplace(tmp_path, server.uri, "denied")
    told = train(place, as_user("admin", "wrong"), "seed=0,1")
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"tracking.uri={server.uri}: refuses this user: ")
    assert line.endswith("MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    assert not (tmp_path / "sweep").exists()


def test_a_password_that_changes_in_mid_sweep_costs_nothing(
    server, tmp_path, monkeypatch, processes
):
    user, go = server.user("eve"), tmp_path / "go"
    place = Workplace(tmp_path, server.uri, "changed", processes)
    process = place.start(*SMALL, *held(go, batches=1), "seed=0,1", "-m", env=user)
    until(lambda: len(runs(place, monkeypatch)) >= 2, process)
    server.ask("PATCH", "update-password", "eve", "s3cr3t-and-new")
    go.touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "2 jobs: 2 trained" in stderr
    assert "warning: the tracking server misses a part of this sweep" in stderr
    assert "RUNNING" in {run.info.status for run in runs(place, monkeypatch)}
    assert sync(tmp_path, user).returncode == 1
    user = as_user("eve", "s3cr3t-and-new")
    first, second = sync(tmp_path, user), sync(tmp_path, user)
    assert first.returncode == 0, first.stderr
    assert "0 jobs" not in first.stdout
    assert second.stdout == "0 jobs had something to send\n"
    found = runs(place, monkeypatch)
    assert [run.info.status for run in found] == ["FINISHED"] * 3
    from mlflow import MlflowClient

    for run in found:
        if run.data.tags.get("kind") != "sweep":
            history = MlflowClient(place.uri).get_metric_history(run.info.run_id, "val/error")
            assert [entry.step for entry in history] == [1]


def sync(folder: Path, user: Mapping[str, str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "src.sync", str(folder)]
    return subprocess.run(command, cwd=ROOT, env=user, capture_output=True, text=True, check=False)


def test_an_experiment_in_s3_takes_the_artifacts_of_those_who_have_its_key(
    server, s3, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    place = Workplace(tmp_path, server.uri, "direct")
    runs(place, monkeypatch)
    MlflowClient(server.uri).create_experiment("direct", f"s3://{BUCKET}/direct")
    nobody = {k: v for k, v in s3.environment.items() if "KEY" not in k}
    without = train(place, os.environ | nobody, "seed=0,1")
    assert without.returncode == 1
    (line,) = without.stderr.splitlines()
    assert line.startswith(
        f"tracking.experiment=direct: keeps its artifacts in s3://{BUCKET}/direct: no credentials; "
    )
    told = train(place, os.environ | s3.environment, "seed=0,1")
    assert told.returncode == 0, told.stderr
    assert f"Report: s3://{BUCKET}/direct/" in told.stderr
    assert {"model.pt", "report.html"} <= s3.names("direct")
