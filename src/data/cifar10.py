"""CIFAR-10 (Krizhevsky 2009): 60,000 colour pictures of ten kinds of things, by torchvision."""

import hashlib
from functools import lru_cache
from typing import Unpack

import torch
from torch import Tensor

from src.data.download import folder
from src.data.splits import Draw, Split, Splits, make_splits
from src.errors import InputError


def load(name: str, root: str, **draw: Unpack[Draw]) -> Splits:
    """Return the splits of the files under `root`; `name` is that of their layout.

    Raises InputError when files are missing or not the ones that torchvision knows.
    """
    images, labels, test_images, test_labels, names, content = read(root)
    held_out = Split(test_images, test_labels, torch.arange(len(test_labels)))
    return make_splits(name, content, (images, labels), held_out, class_names=names, **draw)


@lru_cache(maxsize=1)
def read(root: str) -> tuple[Tensor, Tensor, Tensor, Tensor, list[str], str]:
    """Return images (50000, 3, 32, 32) uint8, labels (50000,), the test set's, names, a digest."""
    from torchvision.datasets import CIFAR10

    try:
        train, test = CIFAR10(root, train=True), CIFAR10(root, train=False)
    except RuntimeError as error:
        said = "must hold CIFAR-10 as it was published; a file that is removed is fetched again"
        raise InputError(f"{folder('cifar10', root)}: {said}") from error
    content = hashlib.sha256()
    tensors = []
    for part in (train, test):
        content.update(part.data.tobytes())
        tensors += [
            torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(),
            torch.tensor(part.targets),
        ]
    images, labels, test_images, test_labels = tensors
    return images, labels, test_images, test_labels, list(train.classes), content.hexdigest()
