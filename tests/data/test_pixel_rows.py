"""Digits as text: what is read is what was written, and a mistake is told with file and line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.data import pixel_rows
from src.errors import InputError

DRAWS = np.random.default_rng(0)
DIGITS = DRAWS.integers(0, 256, (40, 784), np.uint8)
LABELS = [k % 10 for k in range(40)]
DRAW = {"n": None, "val_fraction": 0.25, "split_seed": 0}


def row(pixels, label=None) -> str:
    return ",".join(map(str, pixels if label is None else [label, *pixels]))


def write(path: Path, lines) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def train(tmp_path) -> Path:
    return write(tmp_path / "train.csv", map(row, DIGITS, LABELS))


def load(train, test=None):
    return pixel_rows.load(str(train), test and str(test), "digit", **DRAW)


def test_rows_are_a_label_and_784_pixels(train):
    splits = load(train)
    assert np.array_equal(splits.train.inputs.numpy().reshape(40, 784), DIGITS)
    assert splits.train.labels.tolist() == LABELS
    assert (len(splits.train), len(splits.val), splits.test) == (30, 10, None)
    assert splits.name == "train"


def test_the_binary_target_needs_no_other_file(train):
    splits = pixel_rows.load(str(train), None, "high_digit", n=20, val_fraction=0.2, split_seed=0)
    assert splits.classes == 2
    assert splits.train.labels.tolist() == [int(label >= 5) for label in LABELS]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_test_file_has_labels_or_has_none(labelled, train, tmp_path):
    labels = LABELS[:5] if labelled else [None] * 5
    test = load(train, write(tmp_path / "test.csv", map(row, DIGITS[:5], labels))).test
    assert len(test) == 5
    assert np.array_equal(test.inputs.numpy().reshape(5, 784), DIGITS[:5])
    assert (test.labels is None) != labelled


def test_the_digest_is_that_of_both_files(train, tmp_path):
    one = write(tmp_path / "one.csv", map(row, DIGITS[:5]))
    other = write(tmp_path / "other.csv", map(row, DIGITS[1:6]))
    assert load(train).digest != load(train, one).digest != load(train, other).digest


def test_the_digest_is_that_of_the_labels_too(train, tmp_path):
    turned = write(tmp_path / "turned.csv", map(row, DIGITS, LABELS[1:] + LABELS[:1]))
    assert load(train).digest != load(turned).digest


@pytest.mark.parametrize("between", [" ", ",", "\t", ", "])
def test_a_file_may_list_images_from_its_own_folder(between, tmp_path):
    (tmp_path / "digits").mkdir()
    for number, pixels in enumerate(DIGITS):
        Image.fromarray(pixels.reshape(28, 28)).save(tmp_path / "digits" / f"{number} a.png")
    lines = [f"digits/{number} a.png{between}{label}" for number, label in enumerate(LABELS)]
    splits = load(write(tmp_path / "list.txt", lines))
    assert np.array_equal(splits.train.inputs.numpy().reshape(40, 784), DIGITS)
    assert splits.train.labels.tolist() == LABELS


def test_a_list_of_images_without_labels_can_be_tested_on(train, tmp_path):
    Image.fromarray(DIGITS[3].reshape(28, 28)).convert("RGB").save(tmp_path / "digit.png")
    test = load(train, write(tmp_path / "list.txt", ["digit.png"])).test
    assert test.labels is None
    assert np.array_equal(test.inputs.numpy().reshape(784), DIGITS[3])


def test_blank_lines_count_but_say_nothing(tmp_path):
    lines = ["", *map(row, DIGITS, LABELS), "", "x"]
    with pytest.raises(InputError, match=r"rows\.csv:43: must be a row of integers"):
        load(write(tmp_path / "rows.csv", lines))


def changed(line: int, text: str) -> list[str]:
    lines = [row(*pair) for pair in zip(DIGITS, LABELS, strict=True)]
    lines[line - 1] = text
    return lines


@pytest.mark.parametrize("line", [1, 3])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (row(["six", *DIGITS[0][1:]], 0), "must be a row of integers"),
        (row(DIGITS[0][:-2], 0), "783 values: must be a label and 784 pixels"),
        (row([*DIGITS[0], 5], 0), "786 values: must be a label and 784 pixels"),
        ("5,3,8", "3 values: must be a label and 784 pixels"),
        (row([256, *DIGITS[0][1:]], 0), "pixels must be from 0 to 255"),
        (row([-1, *DIGITS[0][1:]], 0), "pixels must be from 0 to 255"),
        (row(DIGITS[0], 10), "label 10: must be from 0 to 9"),
        (row(DIGITS[0], -1), "label -1: must be from 0 to 9"),
        (" ".join(map(str, DIGITS[0])), "must be a row of integers"),
        (";".join(["3", *map(str, DIGITS[0])]), "must have commas between the values, not semico"),
        (row([10**30, *DIGITS[0][1:]], 0), "pixels must be from 0 to 255, .*: 1000000000000000000"),
        (",".join(["label", *(f"p{k}" for k in range(784))]), "not a header; `data=table data.lab"),
    ],
    ids=lambda value: value[:28] if isinstance(value, str) else None,
)
def test_a_wrong_row_is_told_with_its_file_and_line(line, text, message, tmp_path):
    path = write(tmp_path / "train.csv", changed(line, text))
    with pytest.raises(InputError, match=message) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert len(str(refused.value)) < 250
    assert "\n" not in str(refused.value)


def test_some_rows_with_labels_and_some_without_are_refused(tmp_path):
    path = write(tmp_path / "train.csv", changed(7, row(DIGITS[6])))
    with pytest.raises(InputError, match=r"train\.csv:7: must have a label just if"):
        load(path)


def test_a_training_file_without_labels_is_refused(tmp_path):
    path = write(tmp_path / "train.csv", map(row, DIGITS))
    with pytest.raises(InputError, match=r"^data.train=.*train\.csv: must have labels"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read as text: .*No such file"),
        (b"", "must not be empty"),
        (b"\n \n", "must not be empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "cannot be read as text: must be saved as UTF-8"),
        (bytes(1_000), ":1: .*not an image"),
    ],
    ids=["missing", "empty", "blank", "an image", "zeros"],
)
def test_a_file_that_holds_no_rows_is_named(content, message, tmp_path):
    path = tmp_path / "train.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        load(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_byte_order_mark_is_no_part_of_the_first_label(train, tmp_path):
    marked = tmp_path / "marked.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + train.read_bytes())
    assert load(marked).digest == load(train).digest


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read as text"):
        load(tmp_path)


def put_image(path: Path, size=(28, 28)) -> bytes:
    Image.fromarray(DRAWS.integers(0, 256, size, np.uint8)).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gone.png 3", "gone.png: not an image"),
        ("list.txt 3", "list.txt: not an image"),
        ("half.png 3", "half.png: not an image"),
        ("wide.png 3", "wide.png: 32x28 pixels: must be 28x28"),
        ("good.png 10", "label 10: must be from 0 to 9"),
        ("good.png -1", "label -1: must be from 0 to 9"),
        ("good.png", "must have a label just if the first row has one"),
    ],
)
def test_a_wrong_image_is_told_with_its_file_and_line(line, message, tmp_path):
    whole = put_image(tmp_path / "good.png")
    put_image(tmp_path / "wide.png", (28, 32))
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    path = write(tmp_path / "list.txt", ["good.png 0", "good.png 1", line])
    with pytest.raises(InputError, match=message) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}:3: ")
    assert "\n" not in str(refused.value)
