"""Images in a folder for each class, in the layout of torchvision's ImageFolder."""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Unpack

import numpy as np
import torch
from torch import Tensor

from src.data.splits import Draw, Split, Splits, make_splits
from src.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
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
    files = _by_class(folder)
    samples = [(file, label) for label, own in enumerate(files.values()) for file in own]
    pixels = [_pixels(file, size, colour) for file, _ in samples]
    for (file, _), image in zip(samples, pixels, strict=True):
        if image.shape != pixels[0].shape:
            found, first = (f"{i.shape[2]}x{i.shape[1]}" for i in (image, pixels[0]))
            raise InputError(
                f"{file}: {found} pixels: must be {first} as the first image, "
                "or data.size=[HEIGHT,WIDTH] resizes all"
            )
    images = torch.from_numpy(np.stack(pixels))
    labels, names = torch.tensor([label for _, label in samples]), [*files]
    digest = hashlib.sha256(images.numpy().tobytes() + repr(labels.tolist()).encode())
    digest.update(repr(names).encode())
    return images, labels, names, digest.hexdigest()


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the image files of each class, in the order of torchvision's ImageFolder."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        files = {name: visible_files(folder / name) for name in names if name[0] != "."}
    except OSError as error:
        raise InputError(
            f"{folder}: must hold a folder of images for each class; "
            f"{error.filename}: {error.strerror}"
        ) from error
    found = {name: [f for f in own if f.suffix.lower() in SUFFIXES] for name, own in files.items()}
    if empty := [name for name, own in found.items() if not own]:
        raise InputError(f"{folder / empty[0]}: must hold an image, {' '.join(SUFFIXES)}")
    if not found:
        raise InputError(f"{folder}: must hold a folder of images for each class; has none")
    return found


def visible_files(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted by their folder, without any that are hidden.

    torchvision takes these: `.ipynb_checkpoints` as a class, and as an image the `._1.png` that
    macOS leaves beside each. Raises OSError for a folder that cannot be listed.
    """
    found = []
    for root, folders, names in os.walk(folder, onerror=_fail, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "."]
        found += [Path(root, name) for name in names if name[0] != "."]
    return sorted(found, key=lambda file: (str(file.parent), file.name))


def _fail(error: OSError) -> NoReturn:
    raise error


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
