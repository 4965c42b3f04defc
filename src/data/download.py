"""The files of torchvision's datasets in its layout, and their download.

This module does without torch, which takes seconds to import; torchvision is only needed to
download, and data that is there needs no download. Files that are there are never written to.
"""

import gzip
import os
import shutil
import socket
import tarfile
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from src.errors import InputError

FILES = {  # of MNIST and its kin, name: (magic number, items, bytes an item)
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}
CIFAR_FILES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta")
UNREACHABLE = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError)
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
CONNECT_TIMEOUT = 5.0  # seconds until a mirror without an answer is taken for unreachable


@dataclass(frozen=True)
class Layout:
    """The place of a dataset's files as torchvision keeps them."""

    kind: str  # torchvision's class
    raw: str  # the folder of its files below the root
    files: Collection[str]
    archive: str | None = None  # of all of them, below the root


LAYOUTS = {
    "mnist": Layout("MNIST", "MNIST/raw", FILES),
    "fashion_mnist": Layout("FashionMNIST", "FashionMNIST/raw", FILES),
    "cifar10": Layout("CIFAR10", "cifar-10-batches-py", CIFAR_FILES, "cifar-10-python.tar.gz"),
}


def check(data: Mapping[str, Any]) -> str | None:
    """Make sure of the files of the data config `name` below its `root`.

    Return why they cannot be had; None if they can. Raises InputError when the root cannot be
    written.
    """
    name, root = data["name"], data["root"]
    if ensure(name, root):
        return None
    absent, place = missing(name, root), folder(name, root)
    torn = " (whose .gz cannot be unpacked)"
    names = ", ".join(path.name + torn * packed(path).exists() for path in absent)
    files = "its files" if len(absent) == len(LAYOUTS[name].files) else names
    found = elsewhere(name, root)
    hint = f" (there are some in {found})" if found else ""
    lacks = f"{name} lacks {files} in {place}{hint}"
    refusal = f"data.root={root}: {lacks}, and no mirror can be reached"
    if data.get("fallback"):
        return refusal
    return f"{refusal}; put the files of {name} into {place}"


def folder(name: str, root: str) -> Path:
    """Return torchvision's folder of the raw files."""
    return Path(root).absolute() / LAYOUTS[name].raw


def packed(path: Path) -> Path:
    """Return the place of a raw file's packed twin, which serves as well."""
    return path.with_name(f"{path.name}.gz")


def missing(name: str, root: str) -> list[Path]:
    """Return the raw files that are not there, packed or not."""
    paths = [folder(name, root) / file for file in LAYOUTS[name].files]
    return [path for path in paths if not path.exists() and not _is_whole(packed(path))]


def _is_whole(path: Path) -> bool:
    """Return whether a packed file can be unpacked to its end."""
    try:
        with gzip.open(path) as source:
            while source.read(2**20):
                pass
    except (OSError, *DAMAGED):
        return False
    return True


def elsewhere(name: str, root: str) -> Path | None:
    """Return a folder a level off that holds raw files, packed or not."""
    start, raw = Path(root).absolute(), LAYOUTS[name].raw
    top = raw.partition("/")[0]
    places = [start, start / "raw", start / top, start.parent / raw]
    files = [*LAYOUTS[name].files, *(f"{file}.gz" for file in LAYOUTS[name].files)]
    places += start.glob(f"*/{raw}")
    return next((place for place in places if any((place / f).exists() for f in files)), None)


def ensure(name: str, root: str) -> bool:
    """Unpack or download the raw files that are not there; return False if no mirror answers.

    Packed files are used as they are where they cannot be unpacked beside. Raises InputError
    when `root` cannot be written.
    """
    try:
        for file in LAYOUTS[name].files:
            _unpack(folder(name, root) / file)
        _unpack_archive(name, root)
        return not missing(name, root) or _download(name, root)
    except OSError as error:
        asked = "must be a folder that can be read, and be written to where files are missing"
        raise InputError(
            f"data.root={root}: {asked}; {error.filename}: {error.strerror}"
        ) from error


def _unpack(path: Path) -> None:
    """Unpack the packed file beside `path` if there is a whole one."""
    if path.exists() or not packed(path).exists() or not os.access(path.parent, os.W_OK):
        return
    with TemporaryDirectory(prefix=".unpacking-", dir=path.parent) as own:
        try:
            with gzip.open(packed(path)) as source, Path(own, path.name).open("wb") as target:
                shutil.copyfileobj(source, target)
        except DAMAGED:
            return
        _place(Path(own, path.name), path)


def _unpack_archive(name: str, root: str) -> None:
    """Take missing files from the dataset's archive below `root` if it is there and whole."""
    archive = Path(root, LAYOUTS[name].archive or "")
    if not archive.is_file() or not missing(name, root):
        return
    with TemporaryDirectory(prefix=".unpacking-", dir=root) as own:
        try:
            with tarfile.open(archive) as source:
                source.extractall(own, filter="data")
        except (tarfile.TarError, *DAMAGED):
            return
        for path in missing(name, root):
            if (unpacked := folder(name, own) / path.name).exists():
                _place(unpacked, path)


def _download(name: str, root: str) -> bool:
    import torchvision

    dataset = getattr(torchvision.datasets, LAYOUTS[name].kind)
    if not _reachable(getattr(dataset, "mirrors", None) or [dataset.url]):
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
