"""The project away from an installed clone: a wheel in any folder, and a clone as it is."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from src.folders import ROOT

pytestmark = pytest.mark.slow

QUICK = ["data=mnist_5k", "data.n=200", "epochs=1", "figures=false"]
PART = "from torch import nn\n\nclass Swish(nn.SiLU):\n    pass\n"
OPTION = "_target_: own_parts.Swish\n_partial_: true\n"


@pytest.fixture
def environment(tmp_path):
    """A virtual environment with all that this one has except this project."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False)
    site = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(site, "below.pth").write_text(sysconfig.get_path("purelib"))  # without its own .pth files
    return folder


@pytest.fixture
def installed(environment, tmp_path):
    """The same with this project's wheel."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = tmp_path / "source"
    _copy(source)
    options = ["--no-deps", "--no-index"]
    made = ["wheel", *options, "--no-build-isolation", str(source), "-w", str(tmp_path)]
    subprocess.run([*pip, *made], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    python = ["--python", str(environment / "bin/python")]
    subprocess.run(
        [*pip, *python, "install", *options, "--force-reinstall", str(wheel)],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(source)
    return environment


def test_a_wheel_sweeps_over_parts_of_a_users_own(installed, tmp_path):
    here = tmp_path / "project"
    (here / "options/activation").mkdir(parents=True)
    (here / "own_parts.py").write_text(PART)
    (here / "options/activation/swish.yaml").write_text(OPTION)
    (here / "src").mkdir()
    (here / "src/__init__.py").touch()  # as many a project has one, which must hide nothing
    site = Path(sysconfig.get_path("purelib", vars={"base": str(installed)}))
    before = _files(site)
    told = _run(
        [str(installed / "bin/fairsweep"), "activation=swish,relu", "-m", *QUICK],
        here,
        "--config-dir=options",
    )
    assert told.returncode == 0, told.stderr
    assert "2 jobs: 2 trained" in told.stderr
    assert "against swish" in told.stdout
    assert (here / "outputs/mlflow.db").exists()
    assert {path.name for path in here.iterdir()} == {
        "options",
        "own_parts.py",
        "outputs",
        "src",
    } | ({"__pycache__"} if (here / "__pycache__").exists() else set())
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before


def test_a_clone_that_was_not_installed_sweeps(environment, tmp_path):
    clone = tmp_path / "clone"
    _copy(clone)
    command = [str(environment / "bin/python"), "-m", "src.train", "seed=0,1", "-m", *QUICK]
    told = _run(command, clone)
    assert told.returncode == 0, told.stderr
    assert "2 jobs: 2 trained" in told.stderr
    assert (clone / "outputs/mlflow.db").exists()


COMPLETE = """
eval "$({program} -sc install=bash)"
COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=($COMP_LINE)
_fairsweep_complete
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize("program", ["fairsweep", "python -m src.train"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("model=", ["model=cnn", "model=mlp"]),
        ("epochs=3 optimizer=ad", ["optimizer=adam", "optimizer=adamw"]),
        ("-m see", ["seed="]),
    ],
)
def test_the_tab_key_completes_groups_options_and_keys(program, line, words, tmp_path):
    script = COMPLETE.format(program=program, line=f"{program} {line}")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (binaries / "python").chmod(0o755)
    (binaries / "fairsweep").write_text(
        f"#!{sys.executable}\nfrom src.console import main\nmain()\n"
    )
    (binaries / "fairsweep").chmod(0o755)
    path = {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=os.environ | path, capture_output=True, text=True
    )
    assert set(words) <= set(told.stdout.split()), told.stderr


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def _copy(folder: Path) -> None:
    folder.mkdir()
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)


def _run(command: list[str], folder: Path, *options: str) -> subprocess.CompletedProcess:
    """Run a command in a folder, in an environment that names no other place of the project."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [command[0], *command[1:], *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
