"""Small files in MNIST's format (LeCun et al. 1998): magic number, sizes, bytes."""

from pathlib import Path

import numpy as np

from src.data import download

FILES = {
    "train-images-idx3-ubyte": (2051, 60, 784),
    "train-labels-idx1-ubyte": (2049, 60, 1),
    "t10k-images-idx3-ubyte": (2051, 20, 784),
    "t10k-labels-idx1-ubyte": (2049, 20, 1),
}
TRAIN_IMAGES, TEST_LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def content(magic: int, items: int, width: int) -> bytes:
    """A file of random images, or of the labels 0 to 9 in turn."""
    sizes = [items, 28, 28] if width > 1 else [items]
    header = b"".join(number.to_bytes(4) for number in [magic, *sizes])
    body = np.random.default_rng(0).integers(0, 256, (items, width), np.uint8)
    return header + (body if width > 1 else np.arange(items, dtype=np.uint8) % 10).tobytes()


def put(contents: dict[str, bytes], name: str, root: Path) -> Path:
    """Write the files of the dataset `name` where torchvision keeps them."""
    raw = download.folder(name, str(root))
    raw.mkdir(parents=True)
    for file, body in contents.items():
        (raw / file).write_bytes(body)
    return raw
