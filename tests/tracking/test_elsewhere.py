"""Jobs whose machine does not see their sweep's folder, by the tracking server alone."""

import shutil

import pytest

from src.errors import InputError
from src.tracking import elsewhere
from src.tracking.job_record import Status, fold
from src.tracking.journal import FILES, Journal
from src.tracking.mlflow_sink import send
from src.tracking.settings import TrackingSettings


@pytest.fixture
def tracking(workplace) -> TrackingSettings:
    artifacts = f"{workplace.folder}/artifacts"
    return TrackingSettings(workplace.uri, workplace.experiment, artifacts)


@pytest.fixture
def sweep(workplace, tracking) -> Journal:
    """The journal of a sweep that the server knows."""
    made = Journal(workplace.folder / "sweep")
    tags = {"kind": "sweep", "job": "5" * 16, "jobs": "2"}
    made.append("start", name="sweep", tags=tags, tracking=vars(tracking))
    send(made, tracking.connect)
    return made


def job_elsewhere(
    workplace, tracking: TrackingSettings, number: int, status: str | None
) -> Journal:
    """The journal of a job on another machine, sent."""
    made = Journal(workplace.folder / "there" / str(number))
    tags = {"job": f"{number}" * 16, "sweep": "5" * 16, "number": str(number), "fingerprint": "f"}
    tags |= {"machine": "another", "process": "1@2@3", "folder": "/there"}
    fields = {"tags": tags, "params": {"seed": "3"}, "tracking": vars(tracking)}
    made.append("start", name=f"job {number}", dataset={"name": "d", "digest": "e"}, **fields)
    made.append("metrics", step=1, values={"val/error": 0.25, "train/error": 0.125})
    if status:
        made.append("final", step=1, values={"best/val_error": 0.25})
        made.append("end", status=status, tags={"outcome": status.lower()})
    send(made, tracking.connect)
    return made


@pytest.mark.slow
def test_results_of_jobs_that_ran_elsewhere_come_back_from_the_server(workplace, tracking, sweep):
    ends = enumerate(("FINISHED", "FAILED"))
    theirs = [job_elsewhere(workplace, tracking, *end) for end in ends]
    found = list(elsewhere.fetch(tracking, sweep.folder, "5" * 16))
    assert [record.status for record in found] == [Status.FINISHED, Status.FAILED]
    for record, there in zip(found, theirs, strict=True):
        here = fold(Journal(sweep.folder / str(record.number)))
        before = fold(there)
        assert here.run == before.run
        assert here.run_id == before.run_id
        assert not here.journal.has_unsent, "or the server would get all of it once more"
    assert not list(elsewhere.fetch(tracking, sweep.folder, "6" * 16)), "another sweep"


def test_a_job_that_is_tried_again_elsewhere_goes_on_in_its_run_from_its_checkpoint(
    workplace, tracking, sweep
):
    there = job_elsewhere(workplace, tracking, 1, None)
    kept = workplace.folder / "kept.pt"
    kept.write_bytes(b"all that it takes")
    elsewhere.leave(kept, there)
    send(there, tracking.connect)
    assert not (there.folder / FILES).exists(), "an artifact now"
    run_id = fold(there).run_id
    shutil.rmtree(there.folder)
    here, checkpoint = Journal(workplace.folder / "here" / "1"), workplace.folder / "c" / "f.pt"
    elsewhere.take_over(tracking, here, "5" * 16, 1)
    elsewhere.take_up(tracking, here, checkpoint)
    assert fold(here).run_id == run_id
    assert checkpoint.read_bytes() == b"all that it takes"
    here.append("start", name="job 1", action="resume", tags={"machine": "a third"})
    here.append("end", status="FINISHED")
    send(here, tracking.connect)
    assert sorted(run.info.status for run in workplace.runs()) == ["FINISHED", "RUNNING"]


@pytest.mark.parametrize("uri", ["sqlite:////there/mlflow.db", "postgresql+psycopg://u:pw@h/db"])
def test_without_a_server_a_job_elsewhere_is_refused_in_one_line(uri, tmp_path):
    tracking = TrackingSettings(uri, "fairsweep", f"{tmp_path}/artifacts")
    with pytest.raises(InputError, match=r"must be a server, or .* be shared: .* not see") as said:
        elsewhere.check(tracking, tmp_path / "sweep")
    assert "pw" not in str(said.value)
    elsewhere.check(TrackingSettings("http://127.0.0.1:5000", "fairsweep", ""), tmp_path)


def test_a_folder_of_the_same_name_is_not_taken_for_the_sweeps(sweep, tmp_path):
    assert elsewhere.is_seen(sweep.folder, "5" * 16)
    assert not elsewhere.is_seen(sweep.folder, "6" * 16)
    assert not elsewhere.is_seen(tmp_path / "nothing", "5" * 16)
