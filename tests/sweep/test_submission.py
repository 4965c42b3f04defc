"""The code of a queued sweep: a copy that runs what was there at its submission."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from src import code_digest
from src.code_digest import Snapshot
from src.folders import ROOT
from src.sweep import submission

COMPILED = find_spec("markupsafe._speedups").origin  # a small one, of any package
MAKE = """
from importlib import import_module, resources
from pathlib import Path
from . import imported
def make():
    import_module(f"{__package__}.inner.named"), import_module(f"{__package__}._speedups")
    print(resources.files(__package__).joinpath("names.yaml").read_text())
    print(len(Path(__file__).with_name("large.csv").read_text()))
    print((Path(__file__).parent / "tables" / "of.csv").read_text())
"""
BROKEN = "raise SystemError('edited after the submission')"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A folder on the path with a user's package, a module of one file, and its data."""
    files = {
        "queued_package/__init__.py": "",
        "queued_package/made.py": MAKE,
        "queued_package/imported.py": "",
        "queued_package/inner/__init__.py": "",
        "queued_package/inner/named.py": "",
        "queued_package/names.yaml": "word",
        "queued_package/large.csv": "7" * (submission.MAX_COPIED_BYTES + 1),
        "queued_package/tables/of.csv": "table",
        "queued_module.py": "from pathlib import Path\n"
        "print(Path(__file__).with_name('of.module').read_text())\nimport other_module",
        "of.module": "of the module",
        "other_module.py": "",
    }
    for name, text in files.items():
        file = tmp_path / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copy(COMPILED, tmp_path / "home" / "queued_package")
    monkeypatch.syspath_prepend(tmp_path / "home")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "home"), prepend=os.pathsep)
    code_digest._spec.cache_clear()
    return tmp_path / "home"


def run(code: Path, program: str, folder: Path) -> list[str]:
    """Return what a program prints that is started like a queued job, from another folder."""
    environment = os.environ | submission.environment(code)
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


def test_a_queued_job_finds_all_of_a_package_and_what_was_edited_since_as_it_was(
    home, tmp_path, monkeypatch
):
    snapshot = Snapshot(ROOT)
    snapshot.import_targets(["queued_package.made.make", "queued_module.own"])
    monkeypatch.setattr(submission, "SNAPSHOT", snapshot)
    code = submission.copy_code(tmp_path / "sweep")
    for name in ("made", "imported", "inner/named"):
        (home / "queued_package" / f"{name}.py").write_text(BROKEN)
    (home / "queued_package" / "names.yaml").write_text(BROKEN)
    (home / "queued_module.py").write_text(BROKEN)
    made = run(code, "import queued_package.made as made; made.make()", tmp_path)
    assert made == ["word", str(submission.MAX_COPIED_BYTES + 1), "table"]
    assert run(code, "import queued_module", tmp_path) == ["of the module"]
    assert (code / "queued_package" / "large.csv").is_symlink()
    assert not (code / "other_module.py").is_symlink()
    copied = {path.relative_to(code) for path in (code / "src").rglob("*.py")}
    assert copied == {path.relative_to(ROOT) for path in (ROOT / "src").rglob("*.py")}
