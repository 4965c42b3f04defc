"""Images in folders, against the arrays that were written."""

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from src.data import images
from src.errors import InputError

DRAWS = np.random.default_rng(0)


def put(folder, classes=("cat", "dog"), count=5, size=(6, 9), mode="RGB"):
    """Write images, height and width of `size`; return them by class."""
    written = {}
    for name in classes:
        (folder / name).mkdir(parents=True)
        shape = (*size, 3) if mode == "RGB" else size
        written[name] = DRAWS.integers(0, 256, (count, *shape), np.uint8)
        for number, pixels in enumerate(written[name]):
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return written


def load(train, test=None, size=None, colour="rgb"):
    return images.load(
        str(train), test and str(test), size, colour, n=None, val_fraction=0.4, split_seed=0
    )


def test_a_folder_is_a_class_and_pixels_are_those_of_its_files(tmp_path):
    written = put(tmp_path / "pets")
    splits = load(tmp_path / "pets")
    assert (splits.name, list(splits.class_names)) == ("pets", ["cat", "dog"])
    assert splits.input_shape == (3, 6, 9)
    expected = np.concatenate([written["cat"], written["dog"]]).transpose(0, 3, 1, 2)
    assert np.array_equal(splits.train.inputs.numpy(), expected)
    assert splits.train.labels.tolist() == [0] * 5 + [1] * 5


def test_files_are_those_of_torchvision_but_for_hidden_ones(tmp_path):
    put(tmp_path / "pets", classes=("a", "a b", "a/x", "a/x.y"), count=2)
    files = [str(file) for own in images._by_class(tmp_path / "pets").values() for file in own]
    assert files == [file for file, _ in ImageFolder(str(tmp_path / "pets")).samples]
    put(tmp_path / "pets", classes=(".git", "a/.ipynb_checkpoints"))
    (tmp_path / "pets/a/._0.png").write_bytes(b"\0\5\x16\7")
    splits = load(tmp_path / "pets")
    assert list(splits.class_names) == ["a", "a b"]
    assert len(splits.train.inputs) == len(files) == 8


def test_colour_and_size_are_chosen(tmp_path):
    written = put(tmp_path / "pets", mode="L")
    splits = load(tmp_path / "pets", colour="grey")
    assert np.array_equal(splits.train.inputs[:5, 0].numpy(), written["cat"])
    put(tmp_path / "pets", classes=("eel",), size=(20, 20))
    assert load(tmp_path / "pets", size=[12, 8]).input_shape == (3, 12, 8)


def test_a_test_folder_has_the_same_classes(tmp_path):
    put(tmp_path / "train")
    written = put(tmp_path / "test", count=2)
    test = load(tmp_path / "train", tmp_path / "test").test
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert np.array_equal(test.inputs[2:].numpy(), written["dog"].transpose(0, 3, 1, 2))
    put(tmp_path / "other", classes=("cat", "eel"))
    with pytest.raises(InputError, match=r"other: must have a folder for each of cat, dog"):
        load(tmp_path / "train", tmp_path / "other")


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: must hold a folder of images for each class"):
        load(tmp_path / "nowhere")
    (tmp_path / ".git").mkdir()
    with pytest.raises(InputError, match=r"must hold a folder of images for each class; has none$"):
        load(tmp_path)
    (tmp_path / "pets" / "eel").mkdir(parents=True)
    with pytest.raises(InputError, match=r"eel: must hold an image, .jpg .jpeg .png "):
        load(tmp_path / "pets")
    (tmp_path / "pets" / "eel").rmdir()
    put(tmp_path / "pets")
    (tmp_path / "pets" / "dog" / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"broken.png: not an image"):
        load(tmp_path / "pets")
    put(tmp_path / "deep")
    Image.fromarray(np.full((6, 9), 300, np.uint16)).save(tmp_path / "deep" / "dog" / "9.png")
    with pytest.raises(InputError, match=r"dog/9.png: .* must have 8 bits a channel, .* I;16"):
        load(tmp_path / "deep")
    put(tmp_path / "sizes", size=(6, 9))
    put(tmp_path / "sizes", classes=("eel",), size=(6, 8))
    with pytest.raises(InputError, match=r"eel/0.png: 8x6 pixels: must be 9x6 .* data.size="):
        load(tmp_path / "sizes")
