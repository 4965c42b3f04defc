"""Examples to predict: image files, folders of them, and text files of pixels or of paths."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from src.data import pixel_rows
from src.data.target import relabelled
from src.errors import InputError
from src.inference.fitting import fit
from src.inference.trained_model import TrainedModel

TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".data", "")


@dataclass(frozen=True)
class Example:
    """An example as a model takes it."""

    name: str
    pixels: np.ndarray  # of the model's shape, uint8
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
        elif not place.is_file():
            raise InputError(f"{place}: no file or folder")
        elif place.suffix.lower() in TEXT_SUFFIXES:
            yield from _text(place, model)
        else:
            yield _image(place, str(place), model)


def _folder(folder: Path, model: TrainedModel) -> Iterator[Example]:
    known = set(Image.registered_extensions())
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known)
    if not found:
        raise InputError(f"{folder}: holds no image file")
    for path in found:
        own = path.parent.name if path.parent != folder else ""
        label = model.classes.index(own) if own in model.classes else None
        yield _image(path, str(path), model, label)


def _image(path: Path, name: str, model: TrainedModel, label: int | None = None) -> Example:
    if len(model.shape) != 3:
        raise InputError(f"{path}: {model.name} takes examples of shape {model.shape}, no images")
    try:
        with Image.open(path) as picture:
            return Example(name, fit(picture, model.shape), label, path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: no image that can be read: {error}") from error


def _text(path: Path, model: TrainedModel) -> Iterator[Example]:
    if model.shape != (1, 28, 28):
        raise InputError(f"{path}: holds 28x28 pixels; {model.name} takes {model.shape}")
    images, labels, _ = pixel_rows.read(path)
    found = None if labels is None else relabelled(labels, model.target)
    for row, pixels in enumerate(images):
        label = None if found is None else int(found[row])
        if label is not None and label >= len(model.classes):
            raise InputError(
                f"{path}: label {label} of example {row + 1}: {model.name} knows the classes "
                f"{', '.join(model.classes)}"
            )
        yield Example(f"{path}:{row + 1}", pixels.numpy(), label)


def stack(examples: Sequence[Example]) -> torch.Tensor:
    """Return pixels (N, *shape) float32 in [0, 1]."""
    return torch.from_numpy(np.stack([example.pixels for example in examples])).float() / 255
