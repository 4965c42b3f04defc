"""Connections to MLflow that are opened to be read."""

from dataclasses import replace

import pytest

from src.errors import InputError
from src.tracking.settings import TrackingSettings


def test_reading_changes_nothing_of_an_experiment_and_makes_none(workplace, tmp_path):
    settings = TrackingSettings(workplace.uri, workplace.experiment, str(tmp_path / "own"))
    made = settings.connect()
    place = made.client.get_experiment(made.experiment_id).artifact_location
    read = replace(settings, artifacts=str(tmp_path / "elsewhere")).open()
    assert read.client.get_experiment(read.experiment_id).artifact_location == place
    with pytest.raises(InputError, match=r"^tracking\.experiment=other: none of this name at"):
        replace(settings, experiment="other").open()
    assert read.client.get_experiment_by_name("other") is None


def test_reading_makes_no_database(tmp_path):
    settings = TrackingSettings(f"sqlite:///{tmp_path}/mlflow.db", "e", str(tmp_path / "own"))
    with pytest.raises(InputError, match=r"^tracking\.uri=sqlite:.*: no such database"):
        settings.open()
    assert not list(tmp_path.iterdir())
