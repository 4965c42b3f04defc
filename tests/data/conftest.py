"""A dataset in MNIST's format that is small, and mirrors that cannot be reached."""

import hashlib

import pytest
import torchvision

from src.data import mnist
from tests.data.idx import FILES, content


@pytest.fixture
def small(monkeypatch) -> dict[str, bytes]:
    """The content of a small dataset's files, whose checksums are the ones expected."""
    contents = {file: content(*shape) for file, shape in FILES.items()}
    monkeypatch.setattr(mnist, "FILES", FILES)
    sums = {file: hashlib.sha256(body).hexdigest() for file, body in contents.items()}
    monkeypatch.setattr(mnist, "MNIST_SHA256", sums)
    return contents


@pytest.fixture
def no_network(monkeypatch, closed_port) -> None:
    """Mirrors that refuse connections."""
    mirrors = [f"http://127.0.0.1:{closed_port}/"] * 2
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", mirrors)
