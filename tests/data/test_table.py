"""Tables: what is read is what was written, and a mistake is told with file and place."""

import numpy as np
import pytest

from src.data import table
from src.errors import InputError

DRAWS = np.random.default_rng(0)
FEATURES = DRAWS.normal(size=(30, 2)).round(3)
WORDS = ["setosa", "virginica", "ibis"] * 10


def csv(path, features=FEATURES, labels=WORDS, delimiter=",", header=("width", "length")):
    columns = [*header, "kind"] if labels else [*header]
    rows = [[*row, *([labels[k]] if labels else [])] for k, row in enumerate(features)]
    lines = [delimiter.join(map(str, row)) for row in [columns, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(train, test=None, label="kind"):
    return table.load(str(train), test and str(test), label, n=None, val_fraction=0.2, split_seed=0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_is_features_and_a_column_of_words(delimiter, tmp_path):
    splits = load(csv(tmp_path / "irises.csv", delimiter=delimiter))
    assert splits.name == "irises"
    assert splits.input_shape == (2,)
    assert list(splits.class_names) == ["ibis", "setosa", "virginica"]
    np.testing.assert_allclose(splits.train.inputs.numpy(), FEATURES, rtol=1e-6)
    assert [splits.class_names[k] for k in splits.train.labels] == WORDS
    assert (len(splits.train), len(splits.val), splits.test) == (24, 6, None)


def test_numbers_as_labels_are_in_their_order(tmp_path):
    labels = [10, 9, -1] * 10
    splits = load(csv(tmp_path / "t.csv", labels=labels))
    assert list(splits.class_names) == ["-1", "9", "10"]
    assert [int(splits.class_names[k]) for k in splits.train.labels] == labels


@pytest.mark.parametrize("labels", [WORDS[:6], None])
def test_a_test_file_has_the_same_features_and_may_have_labels(labels, tmp_path):
    test = csv(tmp_path / "test.csv", FEATURES[:6], labels)
    splits = load(csv(tmp_path / "train.csv"), test)
    np.testing.assert_allclose(splits.test.inputs.numpy(), FEATURES[:6], rtol=1e-6)
    if labels:
        assert [splits.class_names[k] for k in splits.test.labels] == labels
    else:
        assert splits.test.labels is None


@pytest.mark.parametrize("kind", [np.float64, np.uint8])
def test_an_npz_file_is_labels_and_examples_of_any_shape(kind, tmp_path):
    examples = DRAWS.integers(0, 256, (30, 3, 8, 8)).astype(kind)
    np.savez(tmp_path / "t.npz", kind=np.array(WORDS), pictures=examples)
    splits = load(tmp_path / "t.npz")
    assert splits.input_shape == (3, 8, 8)
    assert np.array_equal(splits.train.inputs.numpy(), examples)
    assert str(splits.train.inputs.dtype) == (
        "torch.uint8" if kind is np.uint8 else "torch.float32"
    )


def test_the_digest_is_that_of_features_labels_and_names(tmp_path):
    turned = FEATURES[::-1]
    files = [
        csv(tmp_path / "a.csv"),
        csv(tmp_path / "b.csv", turned),
        csv(tmp_path / "c.csv", labels=WORDS[1:] + WORDS[:1]),
        csv(tmp_path / "d.csv", header=("a", "b")),
    ]
    assert len({load(file).digest for file in files}) == 4
    assert load(csv(tmp_path / "e.csv")).digest == load(files[0]).digest


def changed(line, text):
    def write(path):
        csv(path)
        lines = path.read_text().splitlines()
        lines[line - 1] = text
        path.write_text("\n".join(lines) + "\n")

    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "cannot be read as CSV with a header: No such file"),
        (lambda path: path.write_text(""), "cannot be read as CSV with a header"),
        (lambda path: path.write_text("width,kind\n"), "must have rows"),
        (lambda path: path.write_text("kind\na\nb\n"), "must have rows, and columns of features"),
        (lambda path: path.write_bytes(b"a,kind\n\xff\xfe,b\n"), "cannot be read as CSV"),
        (
            changed(5, "tall,1.0,ibis"),
            ":5: width=tall: every feature must be a finite number; pandas.get_dummies",
        ),
        (
            changed(7, "1.0,,ibis"),
            ":7: length: is missing: every feature must be a finite number; .* of gaps$",
        ),
        (changed(4, "inf,1.0,ibis"), ":4: width=inf: every feature must be a finite number"),
        (changed(9, "1.0,1.0,"), ":9: kind: must have a label"),
        (changed(9, "1.0,1.0,ibis,4"), "cannot be read as CSV"),
    ],
)
def test_a_wrong_file_is_told_in_one_line_with_its_place(write, message, tmp_path):
    path = tmp_path / "train.csv"
    write(path)
    with pytest.raises(InputError, match=message) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}")
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_a_column_that_is_not_there_is_named_beside_those_that_are(tmp_path):
    with pytest.raises(InputError, match=r"^data.label=sort: must be one of width, length, kind"):
        load(csv(tmp_path / "t.csv", labels=[1, 2, 3] * 10), label="sort")


def test_a_test_file_of_other_features_or_classes_is_refused(tmp_path):
    train = csv(tmp_path / "train.csv")
    other = csv(tmp_path / "other.csv", header=("width", "height"))
    with pytest.raises(InputError, match=r"other.csv: must have the features of train.csv: width"):
        load(train, other)
    other = csv(tmp_path / "names.csv", labels=["ibis", "rose", *WORDS[2:]])
    with pytest.raises(InputError, match=r"names.csv:3: label rose: must be one of ibis, setosa"):
        load(train, other)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": FEATURES},
            "must hold the array kind of data.label and one other; has x|must be one",
        ),
        ({"kind": np.arange(30)}, "must hold the array kind of data.label and one other"),
        ({"kind": np.arange(30), "a": FEATURES, "b": FEATURES}, "and one other; has a, b, kind"),
        ({"kind": np.arange(29), "a": FEATURES}, r"has a \(30, 2\), kind \(29,\)"),
        ({"kind": np.arange(30), "a": FEATURES + np.inf}, "a: must hold finite numbers"),
        ({"kind": np.arange(30), "a": FEATURES.astype(object)}, "NPZ of plain arrays"),
    ],
)
def test_wrong_arrays_are_told_with_their_shapes(arrays, message, tmp_path):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "t.npz")
