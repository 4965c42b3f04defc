"""Parts of a user's own, by command line: a package with YAML files beside it, and --config-dir."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.folders import ROOT

pytestmark = pytest.mark.slow

CODE = '''
"""Models and a metric of a user."""
import torch
from torch import nn

class RowLSTM(nn.Module):
    """An LSTM that reads an image row by row."""
    def __init__(self, width, classes):
        super().__init__()
        self.lstm, self.head = nn.LSTM(28, width, batch_first=True), nn.Linear(width, classes)
    def forward(self, images):
        states, _ = self.lstm(images.squeeze(1))
        return self.head(states[:, -1])

class PatchMLP(nn.Module):
    """One layer for all patches of 7x7 pixels, and their mean."""
    def __init__(self, classes):
        super().__init__()
        self.patch = nn.Sequential(nn.Unfold(7, stride=7))
        self.layer, self.head = nn.Linear(49, 64), nn.Linear(64 * 16, classes)
    def forward(self, images):
        return self.head(self.layer(self.patch(images).transpose(1, 2)).relu().flatten(1))

class Bilinear(nn.Module):
    """A model without a linear or convolutional layer."""
    def __init__(self, input_shape, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(input_shape[0], classes))
    def forward(self, rows):
        return rows @ self.weight

def margin(logits, targets):
    """The mean of the true class's logit above the best of the others."""
    true = logits.gather(1, targets[:, None])
    others = logits.scatter(1, targets[:, None], float("-inf")).amax(1, keepdim=True)
    return (true - others).mean().item()
'''
OPTIONS = {
    "model/row_lstm": "_target_: mine.RowLSTM\nwidth: 32\n",
    "model/patch_mlp": "_target_: mine.PatchMLP\n",
    "model/bilinear": "_target_: mine.Bilinear\n",
    "model/resnet18": "_target_: torchvision.models.resnet18\nnum_classes: ${from_data:classes}\n",
    "metrics/margin": "margin:\n  direction: maximize\n  unit: none\n"
    "  function:\n    _target_: mine.margin\n    _partial_: true\n",
}


@pytest.fixture
def train(workplace, tmp_path):
    """Run a command line that finds the user's package and options; return what it wrote."""
    (tmp_path / "mine.py").write_text(CODE)
    for name, content in OPTIONS.items():
        file = tmp_path / "conf" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def run(*overrides: str) -> str:
        paths = [tmp_path, ROOT, ROOT / "src" / "plugins"]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        quick = ("epochs=1", "device=cpu", "threads=1")
        words = ("--config-dir", str(tmp_path / "conf"), *quick, *overrides)
        process = workplace.start(*words, env=env)
        out, errors = process.communicate()
        assert process.returncode == 0, out + errors
        return out + errors

    return run


@pytest.mark.parametrize("model", ["row_lstm", "patch_mlp"])
def test_a_model_that_is_no_mlp_is_trained_and_recorded(model, train, workplace):
    train(f"model={model}", "data=mnist_5k", "data.n=400", "metrics=[margin,ece]")
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert 0 <= run.data.metrics["test/error"] < 0.95
    assert {"val/margin", "train/ece", "test/margin"} < set(run.data.metrics)


def test_torchvisions_resnet_takes_colour_images_by_one_file(train, workplace, tmp_path):
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (60, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "pictures.npz", images=images, kind=np.arange(60) % 10)
    data = ("data=table", f"data.train={tmp_path}/pictures.npz", "data.label=kind")
    train("model=resnet18", *data, "data.val_fraction=0.5", "augment=crop_flip", "batch_size=10")
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params["normalize"] == "standard"


def test_a_table_is_learnt_and_pictures_that_cannot_be_are_left_out(train, workplace, tmp_path):
    draws = np.random.default_rng(0)
    features = draws.normal([1e4, -3], [100, 0.1], (300, 2))
    labels = np.where((features[:, 0] - 1e4) / 100 > (features[:, 1] + 3) / 0.1, "above", "below")
    rows = [f"{a},{b},{label}" for (a, b), label in zip(features, labels, strict=True)]
    (tmp_path / "train.csv").write_text("\n".join(["a,b,side", *rows]))
    (tmp_path / "test.csv").write_text("\n".join(["a,b", "10300,-3.3", "9700,-2.7"]))
    files = (f"data.train={tmp_path}/train.csv", f"data.test={tmp_path}/test.csv")
    told = train(
        "model=bilinear", "data=table", *files, "data.label=side", "epochs=20", "hydra.verbose=true"
    )
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["best/val_error"] < 0.1
    (predictions,) = (workplace.folder / "artifacts").rglob("test_predictions.txt")
    assert predictions.read_text() == "above\nbelow\n"
    for name in ("mistakes", "first_layer"):
        assert f"figure {name} is left out: examples of shape (2,) are no images" in told


def test_variants_of_own_models_are_compared_in_a_sweep(train, workplace):
    data = ("data=mnist_5k", "data.n=400", "figures=false")
    told = train("-m", "model=row_lstm,patch_mlp", "seed=0,1", *data)
    assert "4 jobs: 4 trained" in told


def blocks(section: str) -> dict[str, str]:
    """The files that a section shows, by the name in their first line, or before a table."""
    shown = re.findall(r"```\w+\n# (\S+)\n(.*?)```", section, re.DOTALL)
    tables = re.findall(r"`(\S+)`\n\n```csv\n(.*?)```", section, re.DOTALL)
    return {name: f"# {name}\n{content}" for name, content in shown} | dict(tables)


def test_the_readme_on_adding_a_part_does_what_it_shows(workplace, tmp_path):
    section = (ROOT / "README.md").read_text("utf-8").split("## Add a part")[1].split("\n## ")[0]
    files = blocks(section)
    assert {Path(name).suffix for name in files} == {".py", ".yaml", ".csv"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    commands = re.findall(r"^fairsweep (--config-dir .*)$", section, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        words = [sys.executable, "-m", "src.train", *shlex.split(command), *workplace.overrides]
        paths = os.pathsep.join(map(str, [tmp_path, ROOT, ROOT / "src" / "plugins"]))
        told = subprocess.run(
            [*words, "epochs=1", "device=cpu", f"hydra.run.dir={tmp_path}/{len(words)}"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
    assert {run.info.status for run in workplace.runs()} == {"FINISHED"}
    assert {"val/margin", "val/ece"} < set().union(*(run.data.metrics for run in workplace.runs()))
