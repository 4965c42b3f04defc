"""The files of a finished job, opened again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from src import artifacts
from src.models.init import matched
from src.models.softmax import Softmax
from src.training.fit import evaluate, fit
from src.training.selection import Result, keep_best

FIGURES = {"learning_curves", "confusion_matrix", "mistakes", "first_layer"}


def written(components, folder, *overrides, unlabelled=False, pictures=True, diverged=False):
    built = components("model=softmax", *overrides)
    splits = built.splits
    if unlabelled:
        splits = replace(splits, test=replace(splits.test, labels=None))
    epochs = fit(
        built.model,
        built.optimizer,
        splits,
        loss=built.loss,
        schedule=built.schedule,
        order=built.order,
        epochs=range(1, 3),
        batch_size=64,
        clip_norm=None,
        diagnostics=False,
    )
    result = keep_best(epochs, built.model, None)
    if diverged:
        result = Result(result.history, None, None, "diverged")
    else:
        built.model.load_state_dict(result.weights)
    artifacts.write(folder, built.model, splits, result, pictures)
    return built.model, splits, result


def test_weights_reload_into_a_fresh_model_and_give_the_same_error(components, tmp_path):
    _, splits, result = written(components, tmp_path)
    fresh = Softmax(matched, (1, 28, 28), 10)
    fresh.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    loss = torch.nn.CrossEntropyLoss()
    assert evaluate(fresh, splits.val, loss)["error"] == result.best.val_error


def test_predictions_on_the_validation_digits_make_its_error(components, tmp_path):
    _, splits, result = written(components, tmp_path)
    with np.load(tmp_path / "val_predictions.npz") as saved:
        predicted, labels = saved["predicted"], saved["labels"]
    assert (predicted != labels).mean() == result.best.val_error
    assert np.array_equal(labels, splits.val.labels[splits.val.rows].numpy())
    assert predicted.dtype == np.uint8


def test_predictions_for_an_unlabelled_test_file_are_one_a_line(components, tmp_path):
    model, splits, _ = written(components, tmp_path, unlabelled=True)
    lines = (tmp_path / "test_predictions.txt").read_text().splitlines()
    assert len(lines) == 1_000
    images, _ = splits.test.batch(slice(5))
    assert [int(line) for line in lines[:5]] == model(images).argmax(1).tolist()


def test_a_labelled_test_set_is_not_predicted_line_by_line(components, tmp_path):
    written(components, tmp_path)
    assert not (tmp_path / "test_predictions.txt").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["model=mlp", "model.width=100"],
        ["model=cnn"],
        ["data.target=high_digit"],
        ["model=mlp", "model.width=1"],
    ],
    ids=lambda value: " ".join(value),
)
def test_every_figure_can_be_looked_at(overrides, components, tmp_path):
    written(components, tmp_path, *overrides)
    files = {path.stem: path for path in (tmp_path / "figures").iterdir()}
    assert set(files) == FIGURES
    for path in files.values():
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert len(np.unique(np.asarray(image.convert("L")))) > 10


def test_without_pictures_there_are_none(components, tmp_path):
    written(components, tmp_path, pictures=False)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.pt",
        "inputs.npz",
        "val_predictions.npz",
    }


def test_of_a_training_that_diverged_at_once_the_curves_are_left(components, tmp_path):
    written(components, tmp_path, diverged=True)
    assert {path.name for path in tmp_path.rglob("*.*")} == {"learning_curves.png"}
