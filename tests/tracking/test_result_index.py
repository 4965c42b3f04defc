"""The index of results: found, cut off, moved, removed, and made elsewhere."""

import shutil
from pathlib import Path

import pytest

from src.tracking.job_record import Action
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings

HERE = TrackingSettings("sqlite:////x/mlflow.db", "fairsweep", "/x/artifacts")


def at(outputs: Path) -> ResultIndex:
    return ResultIndex(outputs / "results", outputs / "checkpoints", HERE)


@pytest.fixture
def index(tmp_path) -> ResultIndex:
    return at(tmp_path / "outputs")


@pytest.fixture
def finished(tmp_path):
    """The journal of a finished job."""

    def make(name: str, status="FINISHED", fingerprint="f", tracking=HERE) -> Journal:
        journal = Journal(tmp_path / "outputs" / name)
        tags = {"job": name, "fingerprint": fingerprint}
        journal.begin(name=name, tags=tags, tracking=vars(tracking))
        journal.append("metrics", step=1, values={"val/error": 0.25})
        journal.append("end", status=status, tags={})
        return journal

    return make


def test_a_job_is_trained_then_resumed_then_reused(index, finished):
    assert index.decide("f").action == Action.TRAIN
    index.checkpoints.mkdir(parents=True)
    index.checkpoint("f").write_text("half")
    assert index.decide("f").action == Action.RESUME
    index.add("f", finished("a"))
    decision = index.decide("f")
    assert decision.action == Action.REUSE
    assert decision.source.name == "a"
    assert index.decide("g").action == Action.TRAIN


@pytest.mark.parametrize(
    "other",
    [
        {"status": "FAILED"},
        {"status": "KILLED"},
        {"fingerprint": "g"},
        {"tracking": TrackingSettings("sqlite:////y/mlflow.db", "fairsweep", "")},
        {"tracking": TrackingSettings("sqlite:////x/mlflow.db", "another", "")},
    ],
)
def test_only_a_finished_job_of_this_fingerprint_and_experiment_is_a_result(index, finished, other):
    index.add("f", finished("a", **other))
    assert index.find("f") is None


def test_a_result_whose_folder_was_removed_gives_way_to_the_next(index, finished):
    for name in ("a", "b"):
        index.add("f", finished(name))
    shutil.rmtree(index.folder.parent / "a")
    assert index.find("f").name == "b"
    shutil.rmtree(index.folder.parent / "b")
    assert index.find("f") is None


def test_results_are_found_after_all_outputs_were_moved(index, finished, tmp_path):
    index.add("f", finished("a"))
    shutil.move(index.folder.parent, tmp_path / "elsewhere")
    moved = at(tmp_path / "elsewhere")
    assert moved.find("f").journal.folder == tmp_path / "elsewhere" / "a"


def test_results_elsewhere_are_named_by_their_whole_path(finished, tmp_path):
    index = at(tmp_path / "another")
    index.add("f", finished("a"))
    shutil.move(index.folder.parent, tmp_path / "moved")
    assert at(tmp_path / "moved").find("f").name == "a"


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"\n\n", b"nowhere\n", b""])
def test_a_damaged_entry_is_no_result(index, finished, damage):
    index.add("f", finished("a"))
    (index.folder / "f.result").write_bytes(damage)
    assert index.find("f") is None


def test_what_was_opened_is_listed_until_it_is_closed(index, finished):
    journal = finished("a")
    index.open("a", journal)
    assert list(index.opened()) == [("a", journal.folder)]
    index.close("a")
    assert list(index.opened()) == []
    index.close("a")


def test_a_run_made_elsewhere_becomes_a_result(index, finished):
    events = list(finished("a").events())
    shutil.rmtree(index.folder.parent / "a")
    index.import_result("f", "run", events)
    found = index.find("f")
    assert (found.name, found.run_id, found.journal.has_unsent) == ("a", "run", False)
    assert index.was_reached()


def test_a_server_that_has_taken_nothing_was_not_reached(index, finished):
    assert not index.was_reached()
    index.add("f", finished("a"))
    assert not index.was_reached()
