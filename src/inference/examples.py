"""Examples to predict: image files, folders of them, tables, and text files of pixels or paths."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from src.data import pixel_rows, table
from src.data.images import require_bytes, visible_files
from src.data.target import relabelled
from src.errors import InputError
from src.inference.fitting import fit
from src.inference.trained_model import TrainedModel
from src.messages.error_text import refusal, told_as

TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".data", ".npz", "")


@dataclass(frozen=True)
class Example:
    """An example as a model takes it."""

    name: str
    inputs: np.ndarray  # of the model's shape, uint8 or float32
    label: int | None = None  # the index of its class
    picture: Path | None = None  # the image file that it was made from


def read(places: Sequence[str], model: TrainedModel) -> Iterator[Example]:
    """Yield the examples in files and folders, fitted to the model.

    A folder holds images, or folders named like the model's classes that hold them.
    Raises InputError for the first place that holds none, or a file that cannot be read.
    """
    for place in map(Path, places):
        if place.is_dir():
            yield from _folder(place, model)
        elif place.suffix.lower() in TEXT_SUFFIXES:
            yield from _text(place, model)
        else:
            yield _image(place, model)


def _folder(folder: Path, model: TrainedModel) -> Iterator[Example]:
    known = set(Image.registered_extensions())
    try:
        found = [path for path in visible_files(folder) if path.suffix.lower() in known]
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {refusal(error)}") from error
    if not found:
        raise InputError(f"{folder}: holds no image file")
    for path in found:
        own = path.parent.name if path.parent != folder else ""
        label = model.classes.index(own) if own in model.classes else None
        yield _image(path, model, label)


def _image(path: Path, model: TrainedModel, label: int | None = None) -> Example:
    if len(model.shape) != 3:
        raise InputError(f"{path}: {model.name} takes examples of shape {model.shape}, no images")
    with told_as(f"{path}: no image that can be read"), Image.open(path) as picture:
        require_bytes(picture)
        return Example(str(path), fit(picture, model.shape, model.box), label, path)


def _text(path: Path, model: TrainedModel) -> Iterator[Example]:
    inputs, labels = _table(path, model) if _has_header(path) else _rows(path, model)
    if inputs.shape[1:] != model.shape:
        raise InputError(
            f"{path}: holds examples of shape {inputs.shape[1:]}; {model.name} takes {model.shape}"
        )
    for row, values in enumerate(inputs):
        label = None if labels is None else _index(path, row, labels[row], model)
        yield Example(f"{path}:{row + 1}", values, label)


def _has_header(path: Path) -> bool:
    """Return whether a file is a table: NPZ, or CSV whose first line has other than numbers."""
    if path.suffix == ".npz":
        return True
    with path.open(errors="replace") as file:
        cells = re.split("[,;\t]", file.readline().strip())
    return len(cells) > 1 and not any(re.fullmatch(r"\s*[-+\d.][-+\d.e]*\s*", c) for c in cells)


def _table(path: Path, model: TrainedModel) -> tuple[np.ndarray, Sequence[str] | None]:
    """Return the features and labels of a table; those of images are their pixels in a row."""
    found = table.read(path, model.label, is_labelled=False)
    features, pixels = found.features, math.prod(model.shape)
    if len(model.shape) == 3 and features.shape[1:] == (pixels,):
        features = features.reshape(-1, *model.shape).astype(np.uint8)
    return features, found.labels


def _rows(path: Path, model: TrainedModel) -> tuple[np.ndarray, Sequence[str] | None]:
    """Return pixels and labels of the rows of a text file without a header."""
    if model.shape != (1, 28, 28):
        raise InputError(f"{path}: must have a header that names its columns")
    images, labels, _ = pixel_rows.read(path)
    return images.numpy(), None if labels is None else [str(label) for label in labels.tolist()]


def _index(path: Path, row: int, label: str, model: TrainedModel) -> int:
    """Return the index of a label's class; a digit may stand for the half that it lies in."""
    if model.target == "high_digit" and label.isdigit():
        return int(relabelled(torch.tensor([int(label)]), model.target))
    if label not in model.classes:
        known = ", ".join(model.classes)
        raise InputError(
            f"{path}: label {label} of example {row + 1}: {model.name} knows the classes {known}"
        )
    return model.classes.index(label)


def stack(examples: Sequence[Example]) -> torch.Tensor:
    """Return inputs (N, *shape) float32, bytes as fractions of 255."""
    inputs = torch.from_numpy(np.stack([example.inputs for example in examples]))
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs
