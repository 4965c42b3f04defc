"""From a sweep's command to the use of its models, by command lines."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from PIL import Image

from src.data import mnist_5k
from src.folders import ROOT

pytestmark = pytest.mark.slow

SWEEP = ("data=mnist_5k", "data.n=400", "epochs=2", "figures=false", "model=softmax,mlp", "-m")


def command(words: list[str], **options) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/src/plugins"}
    return subprocess.run(words, capture_output=True, text=True, env=environment, **options)


def models(place) -> list:
    from mlflow import MlflowClient

    client = MlflowClient(place.uri)
    experiment = client.get_experiment_by_name(place.experiment)
    return client.search_logged_models([experiment.experiment_id])


def test_a_sweep_ends_with_a_model_of_each_variants_best_run(fresh_workplace):
    swept = fresh_workplace.train(*SWEEP, "seed=0,1", "models=best")
    assert swept.returncode == 0, swept.stderr
    made = models(fresh_workplace)
    runs = {run.info.run_id: run for run in fresh_workplace.runs()}
    by_model = {}
    for run in runs.values():
        if "best/val_error" in run.data.metrics:
            by_model.setdefault(run.data.params["model"], []).append(run)
    best = {
        min(
            found, key=lambda run: (run.data.metrics["best/val_error"], run.data.params["seed"])
        ).info.run_id
        for found in by_model.values()
    }
    assert {model.source_run_id for model in made} == best
    (told,) = re.findall(r"^Model: models:/(m-\w+) \(model=\w+ seed=\d\)$", swept.stderr, re.M)
    assert told in {model.model_id for model in made}

    again = fresh_workplace.train(*SWEEP, "seed=0,1", "models=best", "hydra.sweep.dir=${results}/2")
    assert again.returncode == 0, again.stderr
    assert "4 reused" in again.stderr
    assert told in again.stderr  # the same model, listed with the run that was reused
    assert len(models(fresh_workplace)) == len(made)


def test_a_single_run_ends_with_a_model(fresh_workplace):
    trained = fresh_workplace.train(
        "data=mnist_5k", "data.n=400", "epochs=1", "figures=false", "models=all"
    )
    assert trained.returncode == 0, trained.stderr
    (model,) = models(fresh_workplace)
    assert f"Model: models:/{model.model_id} (" in trained.stdout


def test_the_readmes_lines_do_what_they_say(fresh_workplace, tmp_path):
    place = fresh_workplace
    swept = place.train(*SWEEP, "seed=range(6)")
    assert swept.returncode == 0, swept.stderr
    images, *_ = mnist_5k.read()
    (tmp_path / "photos").mkdir()
    for file in ("digit.png", "photos/a.png", "photos/b.png"):
        Image.fromarray(images[0, 0].numpy()).save(tmp_path / file)
    rows = [",".join(map(str, image.ravel().tolist())) for image in images[:5]]
    (tmp_path / "test.txt").write_text("\n".join(rows))
    text = (ROOT / "README.md").read_text().partition("## Use it")[2]
    block = text.split("```")[1].strip()
    run = next(run for run in place.runs() if "best/val_error" in run.data.metrics)
    tracking = [word for word in place.overrides if word.startswith("tracking.")]
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(line.replace("RUN_ID", run.info.run_id))
        if {"mlflow", "src.demo"} & {*words}:  # servers have tests of their own
            continue
        words[0] = sys.executable
        words += ["rerun.dir=again"] if "src.rerun" in words else tracking
        words += ["--anyway"] if "src.register" in words else []
        done = command(words, cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    made = {path.name for path in tmp_path.iterdir()}
    assert {"predictions.csv", "sheet.png", "model.onnx", "result.zip", "again"} <= made
