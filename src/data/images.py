"""Images in a folder for each class, in the layout of torchvision's ImageFolder."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
import torch
from torch import Tensor

from src.data.splits import Draw, Split, Splits, make_splits
from src.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = {"grey": ("L", 1), "rgb": ("RGB", 3)}  # Pillow's mode, channels


def load(
    train: str, test: str | None, size: Sequence[int] | None, colour: str, **draw: Unpack[Draw]
) -> Splits:
    """Return splits of the folder `train`; `test` is a second one with the same classes.

    `size` is height and width to which all images are resized; None where they are equal.
    Raises InputError naming the folder or the image that is wrong.
    """
    shape = None if size is None else (size[0], size[1])
    images, labels, names, content = read(Path(train), shape, colour)
    held_out = None
    if test is not None:
        pixels, classes, test_names, test_content = read(Path(test), shape, colour)
        if test_names != names:
            known = ", ".join(names)
            raise InputError(f"data.test={test}: must have a folder for each of {known}")
        if pixels.shape[1:] != images.shape[1:]:
            here, there = (f"{s[1]}x{s[0]}" for s in (pixels.shape[2:], images.shape[2:]))
            raise InputError(f"data.test={test}: {here} pixels: must be {there} as in {train}")
        held_out = Split(pixels, classes, torch.arange(len(classes)))
        content += test_content
    name, examples = Path(train).name, (images, labels)
    return make_splits(name, content, examples, held_out, class_names=names, **draw)


@lru_cache(maxsize=4)
def read(
    folder: Path, size: tuple[int, int] | None, colour: str
) -> tuple[Tensor, Tensor, list[str], str]:
    """Return images (N, channels, height, width) uint8, labels (N,), class names and a digest."""
    from torchvision.datasets import ImageFolder

    try:
        listed = ImageFolder(str(folder))
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{folder}: must hold a folder of images for each class: {reason}") from (
            error
        )
    pixels = [_pixels(Path(file), size, colour) for file, _ in listed.samples]
    for (file, _), image in zip(listed.samples, pixels, strict=True):
        if image.shape != pixels[0].shape:
            found, first = (f"{i.shape[2]}x{i.shape[1]}" for i in (image, pixels[0]))
            raise InputError(
                f"{file}: {found} pixels: must be {first} as the first image, "
                "or data.size=[HEIGHT,WIDTH] resizes all"
            )
    images = torch.from_numpy(np.stack(pixels))
    labels = torch.tensor([label for _, label in listed.samples])
    digest = hashlib.sha256(images.numpy().tobytes() + repr(labels.tolist()).encode())
    digest.update(repr(listed.classes).encode())
    return images, labels, listed.classes, digest.hexdigest()


def _pixels(file: Path, size: tuple[int, int] | None, colour: str) -> np.ndarray:
    from PIL import Image

    mode, channels = COLOURS[colour]
    try:
        with Image.open(file) as opened:
            require_bytes(opened)
            image = opened.convert(mode)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not an image: {error}") from error
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.array(image).reshape(image.height, image.width, channels).transpose(2, 0, 1)


def require_bytes(image: "Image") -> None:
    """Raise ValueError for more than 8 bits a channel, which Pillow would clip at 255."""
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"must have 8 bits a channel, not those of Pillow's mode {image.mode}")
