"""The files of one finished job: config, weights, predictions and pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from src import figures
from src.data.splits import Split, Splits
from src.fit import predict
from src.selection import Result


def write(folder: Path, model: nn.Module, splits: Splits, result: Result, pictures: bool) -> None:
    """Write the files of a job, whose `model` holds its best weights, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if result.weights is not None:
        torch.save(result.weights, folder / "model.pt")
        _predictions(folder, model, splits)
    if pictures:
        for name, figure in _figures(model, splits, result):
            figures.save(figure, folder / "figures" / f"{name}.png")


def _predictions(folder: Path, model: nn.Module, splits: Splits) -> None:
    """Validation predictions as bytes, for tests on shared digits; an unlabelled test set's."""
    val, test = splits.val, splits.test
    predicted = predict(model, val).argmax(1).numpy().astype(np.uint8)
    labels = _labels(val).astype(np.uint8)
    np.savez_compressed(folder / "val_predictions.npz", predicted=predicted, labels=labels)
    if test is not None and test.labels is None:
        lines = "\n".join(map(str, predict(model, test).argmax(1).tolist()))
        (folder / "test_predictions.txt").write_text(f"{lines}\n")


def _figures(model: nn.Module, splits: Splits, result: Result) -> Iterator[tuple[str, Figure]]:
    yield "learning_curves", figures.learning_curves(result.history)
    if result.weights is None:
        return
    val = splits.val
    labels = _labels(val)
    probabilities = predict(model, val).softmax(1).numpy()
    images = val.images[val.rows, 0].cpu().numpy()
    yield (
        "confusion_matrix",
        figures.confusion_matrix(labels, probabilities.argmax(1), splits.classes),
    )
    yield "mistakes", figures.mistakes(images, labels, probabilities)
    layers = (m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d))
    weights = next(layers).weight.detach().cpu()
    side = 28 if weights.ndim == 2 else weights.shape[-1]
    yield "first_layer", figures.first_layer(weights.reshape(len(weights), side, side).numpy())


def _labels(split: Split) -> np.ndarray:
    return split.labels[split.rows].cpu().numpy()
