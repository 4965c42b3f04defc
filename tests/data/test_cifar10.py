"""CIFAR-10's files as torchvision reads them, made up here."""

import hashlib
import pickle
import tarfile

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from src.data import cifar10, download
from src.errors import InputError

NAMES = [f"kind {k}" for k in range(10)]


@pytest.fixture
def files(monkeypatch) -> dict[str, bytes]:
    """Small files of the layout, whose checksums are the ones that torchvision expects."""
    draws = np.random.default_rng(0)
    contents = {}
    for name in download.CIFAR_FILES[:-1]:
        data = draws.integers(0, 256, (20, 3072), np.uint8)
        contents[name] = pickle.dumps({"data": data, "labels": [*range(10)] * 2})
    contents["batches.meta"] = pickle.dumps({"label_names": NAMES})
    sums = {name: hashlib.md5(body).hexdigest() for name, body in contents.items()}
    train = [[name, sums[name]] for name in download.CIFAR_FILES[:5]]
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    cifar10.read.cache_clear()
    return contents


def put(files, root):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder


def load(root):
    return cifar10.load("cifar10", str(root), n=None, val_fraction=0.2, split_seed=0)


def test_images_are_rows_of_red_green_and_blue(files, tmp_path):
    put(files, tmp_path)
    splits = load(tmp_path)
    assert splits.input_shape == (3, 32, 32)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (80, 20, 20)
    assert list(splits.class_names) == NAMES
    row = pickle.loads(files["data_batch_2"])["data"][3]
    assert np.array_equal(splits.train.inputs[23].numpy().reshape(-1), row)
    assert splits.train.labels[23] == 3


def test_an_archive_is_unpacked_without_a_mirror(files, no_network, tmp_path):
    folder = put(files, tmp_path / "elsewhere")
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "data" / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    assert download.check({"name": "cifar10", "root": str(tmp_path / "data")}) is None
    assert load(tmp_path / "data").input_shape == (3, 32, 32)


def test_without_files_and_network_there_is_no_data(monkeypatch, closed_port, tmp_path):
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{closed_port}/")
    refusal = download.check({"name": "cifar10", "root": str(tmp_path)})
    raw = tmp_path / "cifar-10-batches-py"
    assert refusal.startswith(f"data.root={tmp_path}: cifar10 lacks its files in {raw}, and no")
    assert refusal.endswith(f"put the files of cifar10 into {raw}")


def test_a_damaged_file_is_refused(files, tmp_path):
    folder = put(files, tmp_path)
    (folder / "test_batch").write_bytes(b"")
    with pytest.raises(InputError, match=f"^{folder}: must hold CIFAR-10 as it was published; a"):
        load(tmp_path)
