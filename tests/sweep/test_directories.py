"""Unwritable directories, told before anything is trained and without a trace left behind."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.errors import InputError
from src.sweep.preflight import check_directories, check_job_folders, check_writable
from tests.conftest import Workplace

SMALL = ("data=mnist_5k", "data.n=200", "epochs=1", "model=softmax", "figures=false", "threads=1")


@pytest.fixture
def tree(tmp_path: Path) -> dict:
    """The part of a config that names directories."""
    tracking = {"uri": f"sqlite:///{tmp_path}/mlflow.db", "artifacts": f"{tmp_path}/artifacts"}
    folders = {key: f"{tmp_path}/{key}" for key in ("checkpoints", "results")}
    return {**folders, "tracking": tracking}


def refusal(tree: dict, folder: Path) -> str:
    with pytest.raises(InputError) as refused:
        check_directories(tree, "hydra.run.dir", folder)
    return str(refused.value)


def test_directories_that_can_be_made_are_not_made(tree, tmp_path):
    check_directories(tree, "hydra.run.dir", tmp_path / "deep" / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/proc/x", "/etc/passwd/x", "/dev/null"])
@pytest.mark.parametrize("key", ["checkpoints", "results", "artifacts"])
def test_each_directory_must_be_writable(key, place, tree, tmp_path):
    where = tree["tracking"] if key == "artifacts" else tree
    where[key] = place
    name = "tracking.artifacts" if key == "artifacts" else key
    assert refusal(tree, tmp_path / "run").startswith(f"{name}={place}: must be a directory")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A mount that not even root can write to."""
    (folder := tmp_path / "mount").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a read-only file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("key", ["checkpoints", "results", "artifacts", "hydra.run.dir"])
def test_a_read_only_mount_is_told_with_its_place(key, read_only, tree, tmp_path):
    where = tree["tracking"] if key == "artifacts" else tree
    where[key] = str(read_only / "x")
    run = read_only / "x" if key == "hydra.run.dir" else tmp_path / "run"
    name = "tracking.artifacts" if key == "artifacts" else key
    assert refusal(tree, run) == (
        f"{name}={read_only}/x: must be a directory that can be written to; "
        f"{read_only}: Read-only file system"
    )


def test_artifacts_of_a_server_or_a_remote_store_are_not_looked_at(tree, tmp_path):
    tree["tracking"] = {"uri": "http://host:5000", "artifacts": "/proc/x"}
    check_directories(tree, "hydra.run.dir", tmp_path / "run")
    tree["tracking"] = {"uri": "sqlite:////x/y.db", "artifacts": "s3://bucket/x"}
    check_directories(tree, "hydra.run.dir", tmp_path / "run")


def test_a_link_to_nowhere_or_to_itself_is_no_directory(tmp_path):
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("nowhere", "loop"):
        with pytest.raises(InputError, match=f"results=.*{name}/x: must be a directory"):
            check_writable("results", tmp_path / name / "x")


def test_a_link_to_a_directory_is_one(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    check_writable("results", tmp_path / "link" / "x")


def test_a_name_has_at_most_255_bytes(tree, tmp_path):
    check_directories(tree, "hydra.run.dir", tmp_path / ("n" * 255))
    for name in ("n" * 256, "é" * 128):
        assert "has 256 bytes; a name must have at most 255" in refusal(tree, tmp_path / name)
    with pytest.raises(InputError, match="has 256 bytes"):
        check_job_folders([tmp_path / ("n" * 256)], tmp_path)


def test_a_tilde_that_hydra_would_take_for_a_name_is_refused(tree):
    assert "must be written out" in refusal(tree, Path("~/runs"))


@pytest.mark.parametrize("folders", [["same", "same"], ["a/b/../c", "a/c"], ["a/.", "a"], ["."]])
def test_each_job_needs_a_directory_of_its_own(folders, tmp_path):
    with pytest.raises(InputError, match="each needs its own"):
        check_job_folders(
            [Path(f"{tmp_path}/sweep/{name}") for name in folders], tmp_path / "sweep"
        )


@pytest.mark.parametrize("folder", ["../0", "a/../../0", "/elsewhere/0"])
def test_a_job_stays_in_the_directory_of_its_sweep(folder, tmp_path):
    with pytest.raises(InputError, match=r"must lie in hydra\.sweep\.dir"):
        check_job_folders([tmp_path / "sweep" / folder], tmp_path / "sweep")


@pytest.mark.slow
@pytest.mark.parametrize("subdir", ["same", "${hydra.job.name}", "x/../y", "../${hydra.job.num}"])
def test_a_shared_directory_is_found_before_the_first_job(subdir, workplace: Workplace):
    own = f"hydra.sweep.dir={workplace.folder}/sweeps/${{stamp:}}"
    told = workplace.train(*SMALL, "seed=0,1", own, f"hydra.sweep.subdir={subdir}", "-m")
    assert told.returncode == 1
    assert told.stderr.startswith("hydra.sweep.subdir: ")
    assert told.stderr.count("\n") == 1
    assert not (workplace.folder / "sweeps").exists()
    assert workplace.runs() == []
