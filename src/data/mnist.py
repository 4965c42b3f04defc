"""MNIST (LeCun et al. 1998) and its drop-in kin, from files in torchvision's layout.

The raw IDX files are mapped into memory, so that all processes of a machine share one copy of
the pixels.
"""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from src.data.download import DAMAGED, FILES, folder, packed
from src.data.splits import Draw, Split, Splits, make_splits
from src.data.target import relabelled
from src.errors import InputError
from src.messages.error_text import refusal

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load(name: str, root: str, target: str, **draw: Unpack[Draw]) -> Splits:
    """Return the splits of the dataset `name`; its files are under `root`.

    Raises InputError naming the file that is missing, truncated or another one.
    """
    train_images, train_labels, test_images, test_labels, content = read(folder(name, root), name)
    test_labels = relabelled(test_labels, target)
    examples = train_images, relabelled(train_labels, target)
    held_out = Split(test_images, test_labels, torch.arange(len(test_labels)))
    return make_splits(name, f"{content}/{target}", examples, held_out, **draw)


@lru_cache(maxsize=4)
def read(raw: Path, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor, str]:
    """Return images (60000, 1, 28, 28) uint8 and labels (60000,), the test set's, a digest.

    A file that is there packed alone is read into memory.
    """
    content = hashlib.sha256()
    tensors = []
    for file, (magic, items, width) in FILES.items():
        mapped = _map_idx(raw / file, magic, items, width)
        found = hashlib.sha256(mapped.data).hexdigest()
        if name == "mnist" and found != MNIST_SHA256[file]:
            raise InputError(f"{raw / file}: not {name}'s file: its SHA-256 is {found[:16]}…")
        content.update(found.encode())
        body = torch.from_numpy(mapped[16 if width > 1 else 8 :])
        tensors.append(body.view(items, 1, 28, 28) if width > 1 else body.long())
    train_images, train_labels, test_images, test_labels = tensors
    return train_images, train_labels, test_images, test_labels, content.hexdigest()


def _map(path: Path) -> np.ndarray:
    if not path.exists() and packed(path).exists():
        return np.frombuffer(bytearray(gzip.decompress(packed(path).read_bytes())), np.uint8)
    # Copy-on-write: torch wants writable memory, although nothing writes.
    return np.memmap(path, dtype=np.uint8, mode="c")


def _map_idx(path: Path, magic: int, items: int, width: int) -> np.ndarray:
    header = 16 if width > 1 else 8
    try:
        mapped = _map(path)
    except (OSError, ValueError, *DAMAGED) as error:
        raise InputError(f"{path}: cannot be read: {refusal(error)}") from error
    expected = header + items * width
    if len(mapped) != expected:
        said = f"must have {expected} bytes, not {len(mapped)}: truncated or foreign"
        raise InputError(f"{path}: {said}")
    if int.from_bytes(mapped[:4].tobytes()) != magic:
        raise InputError(f"{path}: must start with the IDX magic number {magic}")
    return mapped
