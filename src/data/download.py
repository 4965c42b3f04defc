"""Where torchvision's files lie, and how they get there.

This module does without torch, which takes seconds to import; torchvision is only needed to
download, and data that is there needs no download.
"""

import socket
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue

from src.errors import InputError

CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # torchvision's names
FILES = {  # name: (magic number, items, bytes an item)
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}
UNREACHABLE = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError)
REACH_SECONDS = 5.0  # a mirror that has not answered by then is out of reach


def folder(name: str, root: str) -> Path:
    """Where torchvision keeps the raw files."""
    return Path(root).absolute() / CLASSES[name] / "raw"


def ensure(name: str, root: str) -> bool:
    """Download the files that are not there yet; False when no mirror can be reached.

    Raises InputError when `root` cannot be written.
    """
    raw = folder(name, root)
    if all((raw / file).exists() for file in FILES):
        return True
    import torchvision

    dataset = getattr(torchvision.datasets, CLASSES[name])
    packed = all((raw / f"{file}.gz").exists() for file in FILES)
    if not packed and not _reachable(dataset.mirrors):
        return False
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(REACH_SECONDS)
    try:
        dataset(root, download=True)
    except (*UNREACHABLE, RuntimeError):  # RuntimeError: not what its checksum promises
        return False
    except OSError as error:
        raise InputError(f"data.root={root}: {error.strerror or error}") from error
    finally:
        socket.setdefaulttimeout(before)
    return True


def _reachable(mirrors: list[str]) -> bool:
    answers: SimpleQueue[bool] = SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            with urllib.request.urlopen(mirror, timeout=REACH_SECONDS):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # a mirror need not list its folder
        except UNREACHABLE:
            answers.put(False)

    # Daemons, because a name server that swallows queries outlives every socket timeout.
    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    try:
        return any(answers.get(timeout=REACH_SECONDS) for _ in mirrors)
    except Empty:
        return False
