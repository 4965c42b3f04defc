"""Models of MLflow where this project is not installed: loaded, predicted with, served."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from src.inference import restore
from src.inference.publish import publish_run
from tests.until import until

pytestmark = pytest.mark.slow

LOAD = """
import importlib.util, json, os, sys
assert importlib.util.find_spec("src") is None
import mlflow, torch
mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
program = mlflow.pytorch.load_model(sys.argv[1])
inputs = torch.tensor(json.load(open(sys.argv[2]))["inputs"])
print(json.dumps(program(inputs).tolist()))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """The Python of an environment that has the same packages, and this project not."""
    place = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    # A .pth file named here is not followed by those that lie there, such as an editable install's.
    (packages / "packages.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin" / "python"


@pytest.fixture(scope="module")
def model(runs, pictures, tmp_path_factory):
    """A model's address, a file of inputs for it, and the logits of the eager model (3, 10)."""
    record = runs.source.run(runs.job(("model=cnn",)))
    uri = f"models:/{publish_run(runs.store, record)}"
    (eager,) = restore.from_weights(runs.source.fetch, record).members
    x = pictures[0][:3].float() / 255
    file = tmp_path_factory.mktemp("inputs") / "inputs.json"
    file.write_text(json.dumps({"inputs": x.tolist()}))
    with torch.inference_mode():
        return uri, file, eager(x).numpy()


@pytest.fixture
def environment(runs, tmp_path) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MLFLOW_RUN_ID")}
    return own | {"MLFLOW_TRACKING_URI": runs.store.uri, "MLFLOW_DISABLE_TELEMETRY": "true"}


def test_mlflow_loads_a_model(python, model, environment, tmp_path):
    uri, file, logits = model
    command = [python, "-c", LOAD, uri, str(file)]
    loaded = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert np.abs(json.loads(loaded.stdout.splitlines()[-1]) - logits).max() < 1e-5


def test_mlflow_models_predict_takes_a_model(python, model, environment, tmp_path):
    uri, file, logits = model
    command = [python, "-m", "mlflow", "models", "predict", "-m", uri, "-i", str(file)]
    command += ["-t", "json", "-o", "out.json", "--env-manager", "local"]
    predicted = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert predicted.returncode == 0, predicted.stderr
    found = json.loads((tmp_path / "out.json").read_text())["predictions"]
    assert np.abs(np.array(found) - logits).max() < 1e-5


def test_mlflow_models_serve_answers(python, model, environment, tmp_path):
    uri, file, logits = model
    port = _free_port()
    command = [python, "-m", "mlflow", "models", "serve", "-m", uri, "-p", str(port)]
    command += ["--env-manager", "local"]
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            until(lambda: _answers(port) or server.poll() is not None)
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/invocations",
                file.read_bytes(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                found = json.loads(answer.read())["predictions"]
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    assert np.abs(np.array(found) - logits).max() < 1e-5


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping"):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
