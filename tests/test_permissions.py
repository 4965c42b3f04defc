"""Files and folders that the user may not read or write: each is told in a line before training."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from PIL import Image

from src.folders import ROOT
from tests.data.idx import FILES, content, put

pytestmark = pytest.mark.slow

CAPABILITIES = "-dac_override,-dac_read_search"  # by which root may read and write everything
BOUNDED = ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}"]
TABLE = "a,kind\n" + "1,x\n2,y\n" * 20
OPTION = "_target_: torch.nn.GELU\n_partial_: true\n"


@pytest.fixture
def refusal(fresh_workplace, tmp_path) -> Callable[..., str]:
    """Run a command line without root's privileges; return what it wrote, which ends it."""
    prefix = BOUNDED if os.geteuid() == 0 else []
    if prefix and subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("root's privileges cannot be dropped here")

    def run(*arguments: str) -> str:
        train = [sys.executable, "-m", "src.train", *fresh_workplace.overrides, *arguments]
        process = fresh_workplace.processes.start([*prefix, *train], cwd=ROOT)
        out, errors = process.communicate()
        assert (process.returncode, out) == (1, "")
        return errors

    (tmp_path / "tracking").mkdir()
    (tmp_path / "table.csv").write_text(TABLE)
    put({name: content(1, 1, 1) for name in FILES}, "mnist", tmp_path)
    (tmp_path / "class").mkdir()
    Image.new("L", (3, 3)).save(tmp_path / "class" / "1.png")
    (tmp_path / "options" / "activation").mkdir(parents=True)
    (tmp_path / "options" / "activation" / "mine.yaml").write_text(OPTION)
    return run


@pytest.mark.parametrize(
    ("path", "words", "said"),
    [
        ("table.csv", "data=table data.train={}/table.csv data.label=kind", "{}/table.csv: cannot"),
        ("class", "data=images data.train={}", "{}: must hold .* each class; {}/class: Permission"),
        ("options", "--config-dir {}/options", "--config-dir={}/options: must be a folder that"),
        (
            "options/activation/mine.yaml",
            "--config-dir {}/options activation=mine",
            "{}/options/activation/mine.yaml: cannot be read: Permission denied; its perm",
        ),
        (
            "MNIST/raw/train-images-idx3-ubyte",
            "data=mnist data.root={}",
            "{}/MNIST/raw/train-images-idx3-ubyte: cannot be read: Permission denied; its perm",
        ),
        (
            "MNIST/raw",
            "data=mnist data.root={}",
            "data.root={}: must be a folder that can .*; {}/MNIST/raw/.*: Permission denied$",
        ),
        (
            "tracking",
            "data=digits tracking.uri=sqlite:///{}/tracking/mlflow.db",
            "tracking.uri=sqlite:///{}/tracking/mlflow.db: cannot be used: .* Permission denied",
        ),
    ],
)
def test_what_may_not_be_read_is_named(path, words, said, refusal, tmp_path):
    (tmp_path / path).chmod(0)
    told = refusal(*words.replace("{}", str(tmp_path)).split())
    (tmp_path / path).chmod(0o700)
    assert re.match(said.replace("{}", str(tmp_path)), told)
    assert told.count("\n") == 1


def test_a_database_that_may_not_be_written_is_no_outage(fresh_workplace, refusal, tmp_path):
    here, quick = fresh_workplace, ("data=digits", "epochs=1", "figures=false")
    assert here.train(*quick).returncode == 0
    (tmp_path / "mlflow.db").chmod(0o400)
    told = refusal(*quick, "-m", "seed=0,1")
    assert told.startswith(f"tracking.uri={here.uri}: cannot be used: [Errno 13] Permission denied")
    assert told.count("\n") == 1
    assert not (tmp_path / "sweep").exists()
