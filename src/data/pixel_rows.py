"""Digits as text: rows of `label,784 pixels`, or a list of image files with their labels."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from src.data.images import require_bytes
from src.data.splits import Draw, Split, Splits, make_splits
from src.data.target import relabelled
from src.errors import InputError
from src.messages.error_text import refusal

PIXELS = 784
ROW_START = re.compile(r"([^,;]*[,;]){2}|(\d+\s+){2}\d")  # a row, however wrong, and no path
INTEGER = re.compile(r"[-+]?\d+")
PATH_AND_LABEL = re.compile(r"(.+?)[\s,]+([-+]?\d+)")


def load(train: str, test: str | None, target: str, **draw: Unpack[Draw]) -> Splits:
    """Return splits of the file `train`; `test` is a second file, with labels or without.

    A file holds either a row of comma-separated integers for each image (its label, then 784
    pixels from 0 to 255; without labels just the pixels) or the path of each 28x28 image,
    followed by its label; paths start at the file's folder.
    Raises InputError with the file and the number of the wrong line.
    """
    images, labels, content = read(Path(train))
    if labels is None:
        raise InputError(f"data.train={train}: must have labels: `label,784 pixels` in each row")
    held_out = None
    if test is not None:
        test_images, test_labels, test_content = read(Path(test))
        content += test_content
        test_labels = None if test_labels is None else relabelled(test_labels, target)
        held_out = Split(test_images, test_labels, torch.arange(len(test_images)))
    examples = images, relabelled(labels, target)
    return make_splits(Path(train).stem, f"{content}/{target}", examples, held_out, **draw)


@lru_cache(maxsize=4)
def read(path: Path) -> tuple[Tensor, Tensor | None, str]:
    """Return images (N, 1, 28, 28) uint8, labels (N,) int64 or None, and the file's digest."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as text: {refusal(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as text: must be saved as UTF-8") from error
    rows = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{path}: must not be empty: rows of `label,784 pixels`")
    parse = _pixel_row if ROW_START.match(rows[0][1]) else _listed_image
    labelled = parse(path, *rows[0])[0] is not None
    labels, images = [], []
    for number, line in rows:
        label, pixels = parse(path, number, line)
        if (label is not None) != labelled:
            raise InputError(f"{path}:{number}: must have a label just if the first row has one")
        labels.append(label)
        images.append(pixels)
    stacked = torch.from_numpy(np.stack(images)).view(-1, 1, 28, 28)
    content = hashlib.sha256(stacked.numpy().tobytes() + repr(labels).encode()).hexdigest()
    return stacked, torch.tensor(labels) if labelled else None, content


def _pixel_row(path: Path, number: int, line: str) -> tuple[int | None, np.ndarray]:
    try:
        values = np.array(line.split(","), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}:{number}: {_row_error(line)}") from error
    if len(values) not in (PIXELS, PIXELS + 1):
        raise InputError(
            f"{path}:{number}: {len(values)} values: must be a label and {PIXELS} pixels"
        )
    pixels = values[-PIXELS:]
    if pixels.min() < 0 or pixels.max() > 255:
        raise InputError(f"{path}:{number}: pixels must be from 0 to 255")
    label = int(values[0]) if len(values) > PIXELS else None
    return _allowed_label(path, number, label), pixels.astype(np.uint8)


def _row_error(line: str) -> str:
    """Return what is wrong with a row that is not integers with commas between them."""
    if ";" in line:
        return "must have commas between the values, not semicolons"
    values = [value.strip() for value in line.split(",")]
    wrong = [value for value in values if not INTEGER.fullmatch(value)]
    if len(wrong) == len(values) > 1:
        return "must be a row of integers, not a header; `data=table data.label=COLUMN` reads one"
    if wrong:
        return f"must be a row of integers with commas between them: {_shortened(wrong[0])!r}"
    longest = max(values, key=len)
    return f"pixels must be from 0 to 255, labels from 0 to 9: {_shortened(longest)}"


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _listed_image(path: Path, number: int, line: str) -> tuple[int | None, np.ndarray]:
    from PIL import Image

    listed = PATH_AND_LABEL.fullmatch(line)
    name, label = (listed[1], int(listed[2])) if listed else (line, None)
    file = path.parent / name
    try:
        with Image.open(file) as image:
            require_bytes(image)
            pixels = np.array(image.convert("L"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or _shortened(str(error))
        shown = file if len(name) <= 200 else f"{path.parent}/{_shortened(name)}"
        raise InputError(f"{path}:{number}: {shown}: not an image: {reason}") from error
    if pixels.shape != (28, 28):
        height, width = pixels.shape
        raise InputError(f"{path}:{number}: {file}: {width}x{height} pixels: must be 28x28")
    return _allowed_label(path, number, label), pixels.reshape(-1)


def _allowed_label(path: Path, number: int, label: int | None) -> int | None:
    if label is not None and not 0 <= label <= 9:
        raise InputError(f"{path}:{number}: label {label}: must be from 0 to 9")
    return label
