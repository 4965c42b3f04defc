"""Connections to MLflow: what reading changes, and what MLflow is not to do."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from src.errors import InputError
from src.folders import ROOT
from src.messages.addresses import database_path
from src.tracking import mlflow_tables
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


@pytest.mark.slow
def test_a_database_of_other_tables_keeps_its_artifacts_where_it_does(fresh_workplace, caplog):
    workplace = fresh_workplace
    place = f"{workplace.folder}/artifacts"
    made = TrackingSettings(workplace.uri, workplace.experiment, place).connect()
    database = database_path(workplace.uri)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE runs RENAME COLUMN artifact_uri TO place")
    assert mlflow_tables.follow(database, made.experiment_id, "file:///elsewhere") == ""
    assert "no such column: artifact_uri" in caplog.text
    kept = made.client.get_experiment(made.experiment_id).artifact_location
    assert kept.endswith(place)


@pytest.mark.slow
def test_deprecations_are_ignored_of_mlflow_and_of_nothing_else(tmp_path):
    program = (
        "import warnings\nfrom src.tracking.store import connect\n"
        f"connect('sqlite:///{tmp_path}/m.db', 'fairsweep', '{tmp_path}/artifacts')\n"
        "print('connected')\nwarnings.warn('old', DeprecationWarning)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.stdout == "connected\n", told.stderr
    assert "DeprecationWarning: old" in told.stderr
