"""The commit that a result names, in a repository of the test's own."""

import subprocess

import pytest

from src import provenance
from src.code_digest import Snapshot
from src.folders import CODE as CODE_FOLDER

CODE = ("src/fit.py", "torch")


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Git in a repository with two files of code and a config."""

    def run(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    provenance.git_commit.cache_clear()
    run("init", "-q")
    for name in ("src/fit.py", "src/figures.py", "conf/config.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    run("add", ".")
    run("commit", "-qm", "start")
    yield run
    provenance.git_commit.cache_clear()


def test_a_clean_tree_is_its_commit(git):
    assert provenance.git_commit(CODE) == git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["src/fit.py", "conf/config.yaml", "conf/new.yaml"])
def test_a_changed_or_untracked_file_that_decided_is_marked(git, tmp_path, name):
    (tmp_path / name).write_text("2")
    assert provenance.git_commit(CODE) == git("rev-parse", "HEAD") + "+"


def test_an_untracked_part_is_marked(git, tmp_path):
    (tmp_path / "mine.py").write_text("1")
    head = git("rev-parse", "HEAD")
    assert provenance.git_commit(CODE) == head
    assert provenance.git_commit((*CODE, "mine.py")) == f"{head}+"


@pytest.mark.parametrize("change", ["untracked", "edited"])
def test_a_part_in_any_folder_of_the_clone_is_marked(change, git, tmp_path, monkeypatch):
    part = tmp_path / "sub" / f"{change}_part.py"
    part.parent.mkdir()
    part.write_text("Sharp = 1")
    if change == "edited":
        git("add", ".")
        git("commit", "-qm", "a part")
        part.write_text("Sharp = 2")
    monkeypatch.syspath_prepend(part.parent)
    snapshot = Snapshot(CODE_FOLDER)
    monkeypatch.setattr(provenance, "SNAPSHOT", snapshot)
    code = tuple(snapshot.digests([f"{change}_part.Sharp"]))
    assert part.name in code
    head = git("rev-parse", "HEAD")
    assert provenance.git_commit(code) == f"{head}+"
    git("add", ".")
    git("commit", "-qm", "a part as it is now", "--allow-empty")
    provenance.git_commit.cache_clear()
    assert provenance.git_commit(code) == git("rev-parse", "HEAD")


def test_a_part_outside_the_clone_is_no_matter_of_its_commit(git, tmp_path_factory, monkeypatch):
    part = tmp_path_factory.mktemp("elsewhere") / "foreign_part.py"
    part.write_text("Sharp = 1")
    monkeypatch.syspath_prepend(part.parent)
    snapshot = Snapshot(CODE_FOLDER)
    monkeypatch.setattr(provenance, "SNAPSHOT", snapshot)
    code = tuple(snapshot.digests(["foreign_part.Sharp"]))
    assert provenance.git_commit(code) == git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["src/figures.py", "README.md"])
def test_a_file_that_decided_nothing_is_not_marked(git, tmp_path, name):
    (tmp_path / name).write_text("2")
    assert provenance.git_commit(CODE) == git("rev-parse", "HEAD")


def test_outside_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    provenance.git_commit.cache_clear()
    assert provenance.git_commit(CODE) == "unknown"
    provenance.git_commit.cache_clear()
