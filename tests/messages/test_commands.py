"""Commands that messages give a reader to type, and pages for the browser."""

import shlex

import pytest

from src import provenance
from src.config import resolved
from src.folders import ROOT
from src.messages import commands


@pytest.fixture
def defaults() -> dict[str, str]:
    return resolved.settings([])["tracking"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/home/me/.venv/bin/fairsweep", "fairsweep -m 'seed=range(3)'"),
        ("/clone/src/train.py", "python -m src.train -m 'seed=range(3)'"),
        ("/clone/src/compare/__main__.py", "python -m src.train -m 'seed=range(3)'"),
    ],
)
def test_training_is_suggested_by_the_program_that_was_typed(typed, said, monkeypatch):
    monkeypatch.setattr("sys.argv", [typed, "-m", "seed=range(3)"])
    assert commands.train("-m", "seed=range(3)") == said
    assert provenance.command() == said


def test_sync_needs_no_folder_for_what_lies_under_outputs(tmp_path):
    assert commands.sync(ROOT / "outputs" / "sweeps" / "x") == "python -m src.sync"
    assert shlex.split(commands.sync(tmp_path / "a b"))[3:] == [str(tmp_path / "a b")]


def test_the_ui_of_a_database_is_a_command_and_that_of_a_server_a_page(defaults, monkeypatch):
    monkeypatch.chdir(ROOT)
    command, page = commands.ui(defaults["uri"], "7").splitlines()
    assert command.endswith("ui --backend-store-uri sqlite:///outputs/mlflow.db --host 127.0.0.1")
    assert page.endswith("http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning")
    (page,) = commands.ui("https://user:pw@host/mlflow/", "7").splitlines()
    assert page == "https://host/mlflow/#/experiments/7/runs?workflowType=machine_learning"


def test_the_page_of_a_run_is_its_own():
    page = commands.ui("https://host", "7", "abc")
    assert page == "https://host/#/experiments/7/runs/abc?workflowType=machine_learning"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:p@ss/w@host:5/db?sslmode=on", "'postgresql://me@host:5/db?sslmode=on'"),
        ("mysql+pymysql://me@host/db", "mysql+pymysql://me@host/db"),
    ],
)
def test_the_ui_of_a_database_server_is_opened_by_its_user_and_shows_no_password(uri, shown):
    command, _ = commands.ui(uri, "7").splitlines()
    assert f"ui --backend-store-uri {shown} --host 127.0.0.1" in command
    assert "pw" not in command
    assert "p@ss" not in command


def test_the_ui_of_a_database_that_the_environment_names_takes_it_from_there(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:pw@host/db")
    command, _ = commands.ui("postgresql://me:pw@host/db").splitlines()
    assert 'ui --backend-store-uri "$MLFLOW_TRACKING_URI" --host' in command
