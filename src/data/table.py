"""Tables: a CSV file with a header, or an NPZ file of arrays; one column holds the labels."""

import csv
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Unpack
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from src.data.splits import Draw, Split, Splits, make_splits
from src.errors import InputError
from src.messages.error_text import listed, nearest, refusal

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """Features of examples, and their labels as words where the file has them."""

    path: Path
    columns: Sequence[str]  # of the features
    features: np.ndarray  # (N, features) float32; of an NPZ file (N, *shape), float32 or uint8
    labels: Sequence[str] | None


def load(train: str, test: str | None, label: str | int, **draw: Unpack[Draw]) -> Splits:
    """Return splits of the file `train`; `test` is a second file, with labels or without.

    `label` is the column of labels, numbers or words; all others are features. In an NPZ file
    it is the array of labels, and the one other array holds the examples, of any shape.
    Raises InputError naming the file and the column or the line that is wrong.
    """
    label = str(label)  # a column may be called 3
    table = read(Path(train), label)
    assert table.labels is not None, "the column is required"
    names = sorted(set(table.labels), key=_by_number)
    held_out = None
    content = _content(table)
    if test is not None:
        other, shape = read(Path(test), label, is_labelled=False), table.features.shape[1:]
        if other.columns != table.columns or other.features.shape[1:] != shape:
            features = f"the features of {table.path.name}: {listed(table.columns)}"
            raise InputError(f"{other.path}: must have {features}")
        labels = None if other.labels is None else _numbered(other, names)
        rows = torch.arange(len(other.features))
        held_out = Split(torch.from_numpy(other.features), labels, rows)
        content += _content(other)
    name, examples = Path(train).stem, (torch.from_numpy(table.features), _numbered(table, names))
    return make_splits(name, content, examples, held_out, class_names=names, **draw)


@lru_cache(maxsize=4)
def read(path: Path, label: str, is_labelled: bool = True) -> Table:
    """Return the table in a file, which may lack the column `label` if it need not be labelled."""
    read_file = _arrays if path.suffix == ".npz" else _rows
    return read_file(path, label, is_labelled)


def _rows(path: Path, label: str, is_labelled: bool) -> Table:
    import pandas as pd

    try:
        delimiter, header = _header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of cells that it leaves out
            frame = pd.read_csv(
                path,
                sep=delimiter,
                encoding="utf-8-sig",
                skipinitialspace=True,
                index_col=False,
                keep_default_na=False,  # a class may be called None
                na_values=[""],
            )
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: must be text, CSV that is saved as UTF-8") from error
    except pd.errors.ParserWarning as error:
        raise InputError(f"{path}:2: must have no more cells than the header") from error
    except (OSError, ValueError, csv.Error) as error:  # pandas' own errors are ValueErrors
        raise InputError(
            f"{path}: cannot be read as CSV with a header: {refusal(error)}"
        ) from error
    _check_names(path, header)
    _require_label(label, header, is_labelled)
    lines = partial(_line, path, delimiter)
    labels = None
    if label in frame:
        column = frame.pop(label)
        if (missing := column.isna().to_numpy()).any():
            raise InputError(f"{lines(missing.argmax())}: {label}: must have a label")
        labels = [str(value) for value in column]
    if frame.empty:
        raise InputError(f"{path}: must have rows, and columns of features beside {label}")
    columns = []
    for name, column in frame.items():
        with np.errstate(over="ignore"):  # an infinity is told
            numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if len(wrong):
            cell = column.iloc[wrong[0]]
            said = f"={str(cell)[:40]}" if pd.notna(cell) else ": is missing"
            raise InputError(
                f"{lines(wrong[0])}: {name}{said}: every feature must be a finite number; "
                "pandas.get_dummies makes some of words, DataFrame.fillna of gaps"
            )
        columns.append(numbers)
    return Table(path, [str(name) for name in frame.columns], np.stack(columns, 1), labels)


def _header(path: Path) -> tuple[str, Sequence[str]]:
    """Return a CSV file's delimiter and its columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        delimiter = max(DELIMITERS, key=first.count)
        file.seek(0)
        return delimiter, next(
            _filled(csv.reader(file, delimiter=delimiter, skipinitialspace=True)), []
        )


def _line(path: Path, delimiter: str, row: int) -> str:
    """Return the file and the line of a row, counted from 0 below the header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        next(islice(_filled(reader), row + 1, None))
        return f"{path}:{reader.line_num}"


def _filled(rows: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Leave out empty lines, as pandas does."""
    return (cells for cells in rows if len(cells) > 1 or "".join(cells).strip())


def _check_names(path: Path, header: Sequence[str]) -> None:
    for number, name in enumerate(header, 1):
        if not name.strip():
            hint = "pandas' index is left out by to_csv(index=False)"
            raise InputError(f"{path}: column {number}: must have a name in the header; {hint}")
        if name in header[: number - 1]:
            raise InputError(f"{path}: {name}: must be the name of one column, not of two")


def _require_label(label: str, names: Sequence[str], is_labelled: bool) -> None:
    if is_labelled and label not in names:
        hint = nearest(label, names)
        raise InputError(f"data.label={label}: must be one of {listed(names)}{hint}")


def _arrays(path: Path, label: str, is_labelled: bool) -> Table:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, BadZipFile, TypeError) as error:  # the last of an NPY
        reason = str(error).partition(". ")[0]
        raise InputError(f"{path}: cannot be read as NPZ of plain arrays: {reason}") from error
    _require_label(label, [*arrays], is_labelled)
    labels = arrays.pop(label, None)
    if len(arrays) != 1:
        found = listed([*arrays, *([label] if labels is not None else [])])
        raise InputError(
            f"{path}: must hold the array {label} of data.label and one other; has {found}"
        )
    (name, values), *_ = arrays.items()
    if values.ndim < 2 or not len(values) or _differ(labels, values):
        shapes = f"{name} {values.shape}" + ("" if labels is None else f", {label} {labels.shape}")
        raise InputError(f"{path}: must hold (N, …) examples and (N,) labels; has {shapes}")
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: {name}: must hold numbers, not {values.dtype}")
    with np.errstate(over="ignore"):  # an infinity is told
        features = values if values.dtype == np.uint8 else values.astype(np.float32)
    for own, array in ((name, features), (label, labels)):
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{path}: {own}: must hold finite numbers")
    return Table(path, [name], features, None if labels is None else [str(v) for v in labels])


def _differ(labels: np.ndarray | None, examples: np.ndarray) -> bool:
    return labels is not None and labels.shape != examples.shape[:1]


def _numbered(table: Table, names: Sequence[str]) -> Tensor:
    """Return labels (N,) int64, places in `names`."""
    numbers = {name: number for number, name in enumerate(names)}
    for line, name in enumerate(table.labels or (), 2):
        if name not in numbers:
            raise InputError(f"{table.path}:{line}: label {name}: must be one of {listed(names)}")
    return torch.tensor([numbers[name] for name in table.labels or ()])


def _content(table: Table) -> str:
    digest = hashlib.sha256(table.features.tobytes() + repr(table.features.shape).encode())
    digest.update(repr((table.columns, table.labels)).encode())
    return digest.hexdigest()


def _by_number(name: str) -> tuple[float, str]:
    """Sort numbers by value, before words."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
