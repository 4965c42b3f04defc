"""Sweeps into a database that MLflow opens without a server, and into a store that refuses."""

import re

import pytest
from postgres import PASSWORD

from src.folders import ROOT
from tests.conftest import Workplace

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=400", "figures=false", "device=cpu", "epochs=1")


def test_artifacts_of_a_database_lie_in_outputs_and_no_output_shows_its_password(
    postgres, mlflow, tmp_path
):
    place = Workplace(tmp_path, postgres.uri, "direct")
    told = place.train(*SMALL, "activation=relu,tanh", "seed=0,1", "-m")
    assert told.returncode == 0, told.stderr
    runs = place.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 5
    assert all(run.info.artifact_uri.startswith(tmp_path.as_uri()) for run in runs)
    assert not (ROOT / "mlruns").exists()
    shown = (
        f"ui --backend-store-uri postgresql+psycopg://keeper@{postgres.address} --host 127.0.0.1"
    )
    assert shown in told.stderr
    assert PASSWORD not in told.stdout + told.stderr
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]


def test_results_of_another_machine_are_found_in_a_database(postgres, tmp_path):
    jobs = (*SMALL, "activation=relu,tanh", "seed=0", "-m")
    for folder, end in (("one", "2 jobs: 2 trained"), ("another", "2 jobs: 2 reused")):
        told = Workplace(tmp_path / folder, postgres.uri, "shared").train(*jobs)
        assert end in told.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (PASSWORD, "wrong", "authentication failed"),
        ("keeper", "nobody", "authentication failed"),
        ("127.0.0.1", "nowhere.invalid", "failed to resolve host"),
        ("/postgres", "/absent", 'database "absent" does not exist'),
    ],
)
def test_a_refused_database_is_one_line_before_anything_is_trained(
    postgres, tmp_path, right, wrong, said
):
    uri = wrong.join(postgres.uri.rsplit(right, 1))
    told = Workplace(tmp_path, uri, "refused").train(*SMALL, "seed=0,1", "-m")
    assert told.returncode == 1
    assert said in told.stderr
    assert not {"sqlite", "MLFLOW_TRACKING_PASSWORD"} & set(re.findall(r"\w+", told.stderr))
    assert f":{PASSWORD}@" not in told.stderr
    assert ":wrong@" not in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert not (tmp_path / "sweep").exists()
