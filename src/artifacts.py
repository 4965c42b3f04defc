"""The files of one finished job: config, weights, predictions and pictures."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image
from torch import nn

from src import figures, predictions
from src.data.splits import Split, Splits
from src.training import checkpoint
from src.training.fit import predict
from src.training.selection import Result

EXAMPLES = 8  # inputs that are kept with a model

log = logging.getLogger(__name__)


def write(
    folder: Path, model: nn.Module, splits: Splits, result: Result, pictures: bool
) -> tuple[list[Path], str]:
    """Write the files of a job into `folder`; `model` has its best weights.

    Returns the files, and the right predictions, encoded; "" without a model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    correct = ""
    drawn = {"learning_curves": lambda: figures.learning_curves(result.history)}
    if result.weights is not None:
        written.append(folder / "model.pt")
        checkpoint.write(result.weights, written[-1])
        probabilities = predict(model, splits.val).softmax(1).numpy()
        predicted = probabilities.argmax(1)
        written += _predictions(folder, model, splits, predicted)
        written.append(folder / "inputs.npz")  # examples for whoever uses the model
        val = splits.val
        np.savez(written[-1], inputs=val.inputs[val.rows[:EXAMPLES]].cpu().numpy())
        correct = predictions.encode(predicted == _labels(splits.val))
        drawn |= _figures(model, splits, probabilities)
    for name, draw in drawn.items() if pictures else ():
        try:
            picture = draw()
        except Exception as error:  # of a model or data that it is not made for
            log.info("figure %s is left out: %s", name, error)
            continue
        written.append(folder / "figures" / f"{name}.png")
        figures.save(picture, written[-1])
    return written, correct


def _predictions(
    folder: Path, model: nn.Module, splits: Splits, predicted: np.ndarray
) -> list[Path]:
    """Write validation predictions, for tests on shared examples, and an unlabelled test set's."""
    labels, test = _labels(splits.val), splits.test
    written = [folder / "val_predictions.npz"]
    kind = np.min_scalar_type(splits.classes - 1)
    np.savez_compressed(written[0], predicted=predicted.astype(kind), labels=labels.astype(kind))
    if test is not None and test.labels is None:
        names = [splits.class_names[k] for k in predict(model, test).argmax(1).tolist()]
        written.append(folder / "test_predictions.txt")
        written[-1].write_text("".join(f"{name}\n" for name in names))
    return written


def _figures(
    model: nn.Module, splits: Splits, probabilities: np.ndarray
) -> dict[str, Callable[[], Image]]:
    labels, predicted, names = _labels(splits.val), probabilities.argmax(1), splits.class_names
    return {
        "confusion_matrix": lambda: figures.confusion_matrix(labels, predicted, names),
        "mistakes": lambda: figures.mistakes(_images(splits.val), labels, probabilities, names),
        "first_layer": lambda: figures.first_layer(_first_weights(model, splits.input_shape)),
    }


def _images(split: Split) -> np.ndarray:
    """Return a split's images (N, H, W) or (N, H, W, 3) in 0 to 255; ValueError if it has none."""
    inputs = split.inputs[split.rows].cpu()
    _require_image(inputs.shape[1:])
    if inputs.dtype != torch.uint8:
        low, high = inputs.min(), inputs.max()
        inputs = ((inputs - low) / (high - low).clamp(min=1e-12) * 255).byte()
    return inputs.permute(0, 2, 3, 1).squeeze(-1).numpy()


def _first_weights(model: nn.Module, input_shape: Sequence[int]) -> np.ndarray:
    """Return the first layer's weights (units, H, W), channels side by side.

    Raises ValueError for a layer that does not look at images.
    """
    _require_image(input_shape)
    layer = next((m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)), None)
    if layer is None:
        raise ValueError("the model has no linear or convolutional layer")
    weights = layer.weight.detach().cpu().float()
    if isinstance(layer, nn.Linear):
        if layer.in_features != math.prod(input_shape):
            raise ValueError(f"its first layer has {layer.in_features} inputs, which are no image")
        weights = weights.reshape(len(weights), *input_shape)
    units, channels, height, width = weights.shape
    return weights.permute(0, 2, 1, 3).reshape(units, height, channels * width).numpy()


def _require_image(shape: Sequence[int]) -> None:
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ValueError(f"examples of shape {tuple(shape)} are no images")


def _labels(split: Split) -> np.ndarray:
    assert split.labels is not None, "train and validation sets are labelled"
    return split.labels[split.rows].cpu().numpy()
