"""The 1,797 digits of 8x8 pixels that scikit-learn ships (Alpaydin & Kaynak 1998): no download."""

import hashlib
from functools import lru_cache
from typing import Unpack

import torch
from torch import Tensor

from src.data.splits import Draw, Split, Splits, make_splits, stratified
from src.data.target import relabelled
from src.rng import stream

TEST_SIZE = 360


def load(target: str, **draw: Unpack[Draw]) -> Splits:
    """Return splits of one pool of 1,437 and the same 360 test digits for every seed."""
    images, labels, content = read()
    labels = relabelled(labels, target)
    rows, fixed = torch.arange(len(labels)), stream(0, "digits test set")
    test, pool = stratified(labels, rows, TEST_SIZE, fixed)
    examples, held_out = (images[pool], labels[pool]), Split(images, labels, test)
    return make_splits("digits", f"{content}/{target}", examples, held_out, **draw)


@lru_cache(maxsize=1)
def read() -> tuple[Tensor, Tensor, str]:
    """Return images (1797, 1, 8, 8) float32 in [0, 1], labels (1797,) and a digest."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images).float().unsqueeze(1) / 16
    content = hashlib.sha256(images.numpy().tobytes()).hexdigest()
    return images, torch.from_numpy(found.target).long(), content
