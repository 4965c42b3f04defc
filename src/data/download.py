"""The files of MNIST and its kin in torchvision's layout, and their download.

This module does without torch, which takes seconds to import; torchvision is only needed to
download, and data that is there needs no download. Files that are there are never written to.
"""

import gzip
import shutil
import socket
import threading
import urllib.error
import urllib.request
import zlib
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

from src.errors import InputError

CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # torchvision's names
FILES = {  # name: (magic number, items, bytes an item)
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}
UNREACHABLE = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError)
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
CONNECT_TIMEOUT = 5.0  # seconds until a mirror without an answer is taken for unreachable


def folder(name: str, root: str) -> Path:
    """Return torchvision's folder of the raw files."""
    return Path(root).absolute() / CLASSES[name] / "raw"


def missing(name: str, root: str) -> list[Path]:
    """Return the raw files that are not there."""
    return [path for file in FILES if not (path := folder(name, root) / file).exists()]


def elsewhere(name: str, root: str) -> Path | None:
    """Return a folder a level off that holds raw files, packed or not."""
    start, raw = Path(root).absolute(), f"{CLASSES[name]}/raw"
    places = [start, start / "raw", start / CLASSES[name], start.parent / raw]
    files = [*FILES, *(f"{file}.gz" for file in FILES)]
    places += start.glob(f"*/{raw}")
    return next((place for place in places if any((place / f).exists() for f in files)), None)


def ensure(name: str, root: str) -> bool:
    """Unpack or download the raw files that are not there; return False if no mirror answers.

    Raises InputError when `root` cannot be written.
    """
    try:
        for path in missing(name, root):
            _unpack(path)
        return not missing(name, root) or _download(name, root)
    except OSError as error:
        raise InputError(f"data.root={root}: {error.strerror or error}") from error


def _unpack(path: Path) -> None:
    """Unpack the packed file beside `path` if there is a whole one."""
    packed = path.with_name(f"{path.name}.gz")
    if not packed.exists():
        return
    with TemporaryDirectory(prefix=".unpacking-", dir=path.parent) as own:
        try:
            with gzip.open(packed) as source, Path(own, path.name).open("wb") as target:
                shutil.copyfileobj(source, target)
        except DAMAGED:
            return
        _place(Path(own, path.name), path)


def _download(name: str, root: str) -> bool:
    import torchvision

    dataset = getattr(torchvision.datasets, CLASSES[name])
    if not _reachable(dataset.mirrors):
        return False
    if not Path(root).exists():
        Path(root).mkdir(parents=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_TIMEOUT)
    try:
        # torchvision downloads all files if one is missing, over those that are there.
        with TemporaryDirectory(prefix=".download-", dir=root) as own:
            dataset(own, download=True)
            for path in missing(name, root):
                _place(folder(name, own) / path.name, path)
    except (*UNREACHABLE, RuntimeError):  # RuntimeError: a wrong checksum
        return False
    finally:
        socket.setdefaulttimeout(before)
    return True


def _place(file: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file.rename(path)


def _reachable(mirrors: list[str]) -> bool:
    answers: SimpleQueue[bool] = SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            with urllib.request.urlopen(mirror, timeout=CONNECT_TIMEOUT):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # a mirror need not list its folder
        except UNREACHABLE:
            answers.put(False)

    # Daemons: a name server that swallows queries outlives every socket timeout.
    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    try:
        return any(answers.get(timeout=CONNECT_TIMEOUT) for _ in mirrors)
    except Empty:
        return False
