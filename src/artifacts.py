"""The files of one finished job: config, weights, predictions and pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image
from torch import nn

from src import figures, predictions
from src.data.splits import Split, Splits
from src.training.fit import predict
from src.training.selection import Result


def write(folder: Path, model: nn.Module, splits: Splits, result: Result, pictures: bool) -> str:
    """Write the files of a job, whose `model` holds its best weights, into `folder`.

    Returns the validation examples that the model gets right, encoded; "" without a model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    correct = ""
    drawn = {"learning_curves": lambda: figures.learning_curves(result.history)}
    if result.weights is not None:
        torch.save(result.weights, folder / "model.pt")
        probabilities = predict(model, splits.val).softmax(1).numpy()
        predicted = probabilities.argmax(1)
        _predictions(folder, model, splits, predicted)
        correct = predictions.encode(predicted == _labels(splits.val))
        drawn |= _figures(model, splits, probabilities)
    for name, draw in drawn.items() if pictures else ():
        figures.save(draw(), folder / "figures" / f"{name}.png")
    return correct


def _predictions(folder: Path, model: nn.Module, splits: Splits, predicted: np.ndarray) -> None:
    """Validation predictions as bytes, for tests on shared digits; an unlabelled test set's."""
    labels, test = _labels(splits.val), splits.test
    columns = {"predicted": predicted.astype(np.uint8), "labels": labels.astype(np.uint8)}
    np.savez_compressed(folder / "val_predictions.npz", **columns)
    if test is not None and test.labels is None:
        lines = "\n".join(map(str, predict(model, test).argmax(1).tolist()))
        (folder / "test_predictions.txt").write_text(f"{lines}\n")


def _figures(
    model: nn.Module, splits: Splits, probabilities: np.ndarray
) -> dict[str, Callable[[], Image]]:
    val, labels = splits.val, _labels(splits.val)
    layers = (m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d))
    weights = next(layers).weight.detach().cpu()
    side = 28 if weights.ndim == 2 else weights.shape[-1]
    units = weights.reshape(len(weights), side, side).numpy()
    return {
        "confusion_matrix": lambda: figures.confusion_matrix(
            labels, probabilities.argmax(1), splits.classes
        ),
        "mistakes": lambda: figures.mistakes(
            val.images[val.rows, 0].cpu().numpy(), labels, probabilities
        ),
        "first_layer": lambda: figures.first_layer(units),
    }


def _labels(split: Split) -> np.ndarray:
    return split.labels[split.rows].cpu().numpy()
