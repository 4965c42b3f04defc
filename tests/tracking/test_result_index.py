"""The index of results: found, cut off, moved, removed, and made elsewhere."""

import shutil
from collections.abc import Callable
from dataclasses import replace
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
        for step in (1, 2):
            journal.append("metrics", step=step, values={"val/error": 0.25})
        journal.append("final", step=2, values={"best/val_error": 0.25})
        journal.append("end", status=status, tags={})
        return journal

    return make


def test_a_job_is_trained_then_resumed_then_reused(index, finished):
    assert index.decide("f", index.checkpoint("f")).action == Action.TRAIN
    index.checkpoints.mkdir(parents=True)
    index.checkpoint("f").write_text("half")
    assert index.decide("f", index.checkpoint("f")).action == Action.RESUME
    index.add("f", finished("a"))
    decision = index.decide("f", index.checkpoint("f"))
    assert decision.action == Action.REUSE
    assert decision.source.name == "a"
    assert index.decide("g", index.checkpoint("g")).action == Action.TRAIN


def test_a_lock_that_cannot_be_had_lets_a_job_work_without_a_checkpoint(index, caplog):
    stale = index.checkpoint("f").with_name("f.pt.lock")
    stale.mkdir(parents=True)  # cannot be opened, as another user's
    with index.alone("f") as is_alone:
        assert is_alone is False
    assert "f: no lock (Is a directory)" in caplog.text
    with index.alone("g") as is_alone:
        assert is_alone


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


@pytest.mark.parametrize("line", range(5))
def test_a_result_that_lost_a_line_is_none(index, finished, line):
    journal = finished("a")
    index.add("f", journal)
    assert index.find("f").name == "a"
    lines = journal.path.read_bytes().splitlines(keepends=True)
    lines[line] = b"{}\n"
    journal.path.write_bytes(b"".join(lines))
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


class TestFiles:
    @pytest.fixture
    def tracked(self, index, finished, tmp_path) -> Callable[..., Journal]:
        """A finished job whose file was sent, and is in the result index."""

        def make(name: str, artifacts: str = f"{tmp_path}/artifacts", sent=True) -> Journal:
            journal = finished(name, tracking=replace(HERE, artifacts=artifacts))
            journal.append_files([journal.folder / "artifacts" / "model.pt"])
            (tmp_path / "artifacts" / f"run-{name}").mkdir(parents=True)
            journal.mark_sent(6 if sent else 2, f"run-{name}")
            index.add("f", journal)
            return journal

        return make

    @staticmethod
    def collect(tmp_path, name: str) -> None:
        """Remove the files of a run, as `mlflow gc` does."""
        shutil.rmtree(tmp_path / "artifacts" / f"run-{name}")

    def test_a_job_is_trained_again_when_its_files_are_gone(self, index, tracked, tmp_path):
        tracked("a")
        assert index.decide("f", index.checkpoint("f")).action == Action.REUSE
        self.collect(tmp_path, "a")
        assert index.decide("f", index.checkpoint("f")).action == Action.TRAIN
        tracked("b")
        assert index.find("f").name == "b"

    def test_jobs_reused_from_it_are_no_results_either(self, index, tracked, finished, tmp_path):
        tracked("a")
        reused = finished("b")
        reused.append(
            "start", name="b", tags={"fingerprint": "f"}, action="reuse", tracking=vars(HERE)
        )
        reused.append("end", status="FINISHED", tags={})
        index.add("f", reused)
        self.collect(tmp_path, "a")
        assert index.find("f") is None

    def test_files_are_also_found_where_artifacts_are_kept_now(self, index, tracked, tmp_path):
        tracked("a", artifacts="/somewhere/before")
        now = replace(index, tracking=replace(HERE, artifacts=f"{tmp_path}/artifacts"))
        assert now.find("f").name == "a"
        self.collect(tmp_path, "a")
        assert now.find("f") is None

    @pytest.mark.parametrize("artifacts", ["s3://bucket", None])
    def test_files_elsewhere_or_on_their_way_are_not_missed(
        self, artifacts, index, tracked, tmp_path
    ):
        tracked("a", **({"artifacts": artifacts} if artifacts else {"sent": False}))
        self.collect(tmp_path, "a")
        assert index.find("f").name == "a"


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


def test_an_entry_of_another_user_costs_no_job_its_end(index, finished, caplog):
    journal = finished("a")
    (index.folder / "f.result").mkdir(parents=True)  # cannot be written, not even by root
    (index.folder / "a.open").mkdir()
    index.add("f", journal)
    index.close("a")
    assert caplog.messages == [
        f"{journal.folder}: will not be found again: "
        + str(IsADirectoryError(21, "Is a directory", str(index.folder / "f.result")))
    ]
    assert index.find("f") is None
    assert list(index.opened()) == []


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


def test_an_index_keeps_its_name_and_a_copy_has_another(index, finished, tmp_path):
    assert index.name == ""
    index.open("sweep", finished("sweep"))
    name = index.name
    index.open("next", finished("next"))
    assert name
    assert index.name == name
    shutil.copytree(tmp_path / "outputs", tmp_path / "copy")
    assert at(tmp_path / "copy").name not in ("", name)
    (tmp_path / "outputs").rename(tmp_path / "moved")
    assert at(tmp_path / "moved").name == name
