"""MNIST's files: read as they are, refused by name when they are not what they should be."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torchvision

from src.data import download, mnist
from src.data.download import folder
from src.errors import InputError
from tests.data.idx import FILES, TRAIN_IMAGES, put


def load(name: str, root: Path, **changed):
    drawing = {"n": None, "target": "digit", "val_fraction": 1 / 6, "split_seed": 0}
    return mnist.load(name, str(root), **drawing | changed)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_files_in_torchvisions_layout_are_read(name, small, tmp_path):
    put(small, name, tmp_path)
    splits = load(name, tmp_path)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (50, 10, 20)
    pixels = np.frombuffer(small[TRAIN_IMAGES][16:], np.uint8)
    assert np.array_equal(splits.train.inputs.numpy().reshape(-1), pixels)
    assert splits.test.labels.tolist() == [*range(10)] * 2
    assert splits.name == name


def test_torchvision_reads_the_same_digits_from_the_real_files(mnist_root):
    reference = torchvision.datasets.MNIST(mnist_root, train=False)
    _, _, images, labels, _ = mnist.read(folder("mnist", mnist_root), "mnist")
    assert np.array_equal(images[:, 0].numpy(), reference.data.numpy())
    assert labels.tolist() == reference.targets.tolist()


def test_fashion_and_digits_of_the_same_bytes_differ_in_nothing_but_their_name(small, tmp_path):
    for name in ("mnist", "fashion_mnist"):
        put(small, name, tmp_path)
    one, other = load("mnist", tmp_path), load("fashion_mnist", tmp_path)
    assert one.digest == other.digest
    assert (one.name, other.name) == ("mnist", "fashion_mnist")


@pytest.mark.parametrize("file", FILES)
def test_a_truncated_file_is_named(file, small, tmp_path):
    raw = put(small, "mnist", tmp_path)
    (raw / file).write_bytes(small[file][:-1])
    with pytest.raises(InputError, match="truncated or foreign") as refused:
        load("mnist", tmp_path)
    whole = len(small[file])
    assert str(refused.value).startswith(
        f"{raw / file}: must have {whole} bytes, not {whole - 1}: "
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: b"PK\3\4" + body[4:], "must start with the IDX magic number 2051"),
        (lambda body: body[:-1] + bytes([body[-1] ^ 1]), "not mnist's file: its SHA-256 is"),
        (lambda body: b"", "cannot be read"),
        (lambda body: None, "cannot be read"),
    ],
    ids=["another format", "one bit off", "empty", "missing"],
)
def test_a_foreign_file_is_named_in_one_line(change, message, small, tmp_path):
    file = put(small, "mnist", tmp_path) / TRAIN_IMAGES
    changed = change(small[TRAIN_IMAGES])
    file.unlink()
    if changed is not None:
        file.write_bytes(changed)
    with pytest.raises(InputError, match=message) as refused:
        load("mnist", tmp_path)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_the_known_checksums_are_those_of_the_real_files(mnist_root):
    raw = folder("mnist", mnist_root)
    for file, (_, items, width) in mnist.FILES.items():
        body = (raw / file).read_bytes()
        assert hashlib.sha256(body).hexdigest() == mnist.MNIST_SHA256[file]
        assert len(body) == (16 if width > 1 else 8) + items * width


def test_files_that_are_there_packed_alone_are_read_where_they_cannot_be_unpacked(
    monkeypatch, small, tmp_path
):
    raw = put({}, "mnist", tmp_path)
    for file, body in small.items():
        (raw / f"{file}.gz").write_bytes(gzip.compress(body))
    monkeypatch.setattr(download.os, "access", lambda *_: False)  # as of a read-only disk
    assert download.check({"name": "mnist", "root": str(tmp_path)}) is None
    assert sorted(path.suffix for path in raw.iterdir()) == [".gz"] * 4
    pixels = np.frombuffer(small[TRAIN_IMAGES][16:], np.uint8)
    assert np.array_equal(load("mnist", tmp_path).train.inputs.numpy().reshape(-1), pixels)
