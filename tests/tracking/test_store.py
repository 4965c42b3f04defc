"""Connections to MLflow: what reading changes, and what MLflow is not to do."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from src.errors import InputError
from src.folders import ROOT
from src.tracking.settings import TrackingSettings


def test_reading_changes_nothing_of_an_experiment_and_makes_none(workplace, tmp_path):
    settings = TrackingSettings(workplace.uri, workplace.experiment, str(tmp_path / "own"))
    made = settings.connect()
    place = made.client.get_experiment(made.experiment_id).artifact_location
    read = replace(settings, artifacts=str(tmp_path / "elsewhere")).open()
    assert read.client.get_experiment(read.experiment_id).artifact_location == place
    with pytest.raises(InputError, match=r"^tracking\.experiment=other: must be one at"):
        replace(settings, experiment="other").open()
    assert read.client.get_experiment_by_name("other") is None


def test_reading_makes_no_database(tmp_path):
    settings = TrackingSettings(f"sqlite:///{tmp_path}/mlflow.db", "e", str(tmp_path / "own"))
    with pytest.raises(InputError, match=r"^tracking\.uri=sqlite:.*: must be a database that"):
        settings.open()
    assert not list(tmp_path.iterdir())


MODULES = sorted((ROOT / "src/tracking").glob("[!_]*.py"))
TELEMETRY = "from mlflow.telemetry import get_telemetry_client as client; print(client())"


@pytest.mark.slow
@pytest.mark.parametrize("name", [f.stem for f in MODULES if "\nfrom mlflow" in f.read_text()])
def test_mlflow_sends_nothing_home_whichever_module_imports_it(name):
    own = {"PATH": os.environ["PATH"]}  # without the signs of a CI, where MLflow sends nothing
    code = f"import src.tracking.{name}; {TELEMETRY}"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=own, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "None"
