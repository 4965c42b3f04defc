"""The files of one finished job: config, weights, predictions and pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image
from torch import nn

from src import figures, predictions
from src.data.splits import Split, Splits
from src.training.fit import predict
from src.training.selection import Result

EXAMPLES = 2  # inputs that are kept with a model


@dataclass(frozen=True)
class Written:
    """The files of a job, and its right predictions, encoded; "" without a model."""

    files: list[Path]
    correct: str


def write(
    folder: Path, model: nn.Module, splits: Splits, result: Result, pictures: bool
) -> Written:
    """Write the files of a job into `folder`; `model` has its best weights."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    correct = ""
    drawn = {"learning_curves": lambda: figures.learning_curves(result.history)}
    if result.weights is not None:
        written.append(folder / "model.pt")
        torch.save(result.weights, written[-1])
        probabilities = predict(model, splits.val).softmax(1).numpy()
        predicted = probabilities.argmax(1)
        written += _predictions(folder, model, splits, predicted)
        written.append(folder / "inputs.npz")  # examples for whoever uses the model
        val = splits.val
        np.savez(written[-1], inputs=val.images[val.rows[:EXAMPLES]].cpu().numpy())
        correct = predictions.encode(predicted == _labels(splits.val))
        drawn |= _figures(model, splits, probabilities)
    for name, draw in drawn.items() if pictures else ():
        written.append(folder / "figures" / f"{name}.png")
        figures.save(draw(), written[-1])
    return Written(written, correct)


def _predictions(
    folder: Path, model: nn.Module, splits: Splits, predicted: np.ndarray
) -> list[Path]:
    """Write validation predictions, for tests on shared images, and an unlabelled test set's."""
    labels, test = _labels(splits.val), splits.test
    written = [folder / "val_predictions.npz"]
    np.savez_compressed(
        written[0], predicted=predicted.astype(np.uint8), labels=labels.astype(np.uint8)
    )
    if test is not None and test.labels is None:
        lines = "\n".join(map(str, predict(model, test).argmax(1).tolist()))
        written.append(folder / "test_predictions.txt")
        written[-1].write_text(f"{lines}\n")
    return written


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
    assert split.labels is not None, "train and validation sets are labelled"
    return split.labels[split.rows].cpu().numpy()
