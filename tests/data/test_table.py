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
        (lambda path: path.write_bytes(b"a,kind\n\xff\xfe,b\n"), "must be text, CSV .* as UTF-8$"),
        (lambda path: path.write_bytes(b"PK\x03\x04\x9c\x00"), "must be text, CSV that is saved"),
        (changed(1, ",length,kind"), ": column 1: must have a name .*index=False"),
        (changed(1, "width,width,kind"), ": width: must be the name of one column, not of two"),
        (changed(1, "width,kind"), ":2: must have no more cells than the header"),
        (changed(8, '1.0,1.0,"a\nb"\n\n1.0,tall,b'), ":11: length=tall: every feature"),
        (changed(8, "NaN,1.0,ibis"), ":8: width=NaN: every feature must be a finite number"),
        (changed(8, "1e300,1.0,ibis"), r":8: width=1e\+300: every feature must be a finite"),
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
    file = csv(tmp_path / "t.csv")
    said = r"^data.label={}: must be one of width, length, kind{}$"
    for label, hint in (("Kind", r" \(did you mean kind\?\)"), (3, "")):
        with pytest.raises(InputError, match=said.format(label, hint)):
            load(file, label=label)


def test_a_column_may_be_called_by_a_number(tmp_path):
    file = csv(tmp_path / "t.csv")
    file.write_text(file.read_text().replace("kind", "3"))
    assert list(load(file, label=3).class_names) == ["ibis", "setosa", "virginica"]


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ", "),
        lambda text: text.replace("\n", "\n\n"),
    ],
    ids=["CRLF", "BOM", "spaces", "empty lines"],
)
def test_the_same_table_as_others_write_it_is_the_same_data(rewrite, tmp_path):
    plain, other = csv(tmp_path / "t.csv"), tmp_path / "other.csv"
    other.write_text(rewrite(plain.read_text()), encoding="utf-8", newline="")
    assert load(other).digest == load(plain).digest


def test_a_class_may_be_called_none(tmp_path):
    splits = load(csv(tmp_path / "t.csv", labels=["None", "NA", "b"] * 10))
    assert list(splits.class_names) == ["NA", "None", "b"]


def test_one_class_alone_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"^t: must have 2 classes at least; all samples are of a$"
    ):
        load(csv(tmp_path / "t.csv", labels=["a"] * 30))


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
        ({"x": FEATURES}, "^data.label=kind: must be one of x$"),
        ({"kind": np.arange(30)}, "must hold the array kind of data.label and one other"),
        ({"kind": np.arange(30), "a": FEATURES, "b": FEATURES}, "and one other; has a, b, kind"),
        ({"kind": np.arange(29), "a": FEATURES}, r"has a \(30, 2\), kind \(29,\)"),
        ({"kind": np.arange(30), "a": FEATURES + np.inf}, "a: must hold finite numbers"),
        ({"kind": np.arange(30), "a": FEATURES.astype(object)}, "NPZ of plain arrays"),
        ({"kind": np.arange(30), "a": FEATURES.astype(str)}, "a: must hold numbers, not <U32"),
        ({"kind": np.arange(30) * np.nan, "a": FEATURES}, "kind: must hold finite numbers"),
        ({"kind": np.arange(0), "a": FEATURES[:0]}, r"has a \(0, 2\), kind \(0,\)"),
    ],
)
def test_wrong_arrays_are_told_with_their_shapes(arrays, message, tmp_path):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "t.npz")


@pytest.mark.parametrize(
    "change", [lambda whole: whole[:300], lambda whole: b"no archive", lambda whole: b""]
)
def test_a_damaged_archive_of_arrays_is_told(change, tmp_path):
    file = tmp_path / "t.npz"
    np.savez(file, kind=np.arange(30), a=FEATURES)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(
        InputError, match=r"t.npz: cannot be read as NPZ of plain arrays"
    ) as refused:
        load(file)
    assert len(str(refused.value)) < 300
