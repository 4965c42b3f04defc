"""Tables: a CSV file with a header, or an NPZ file of arrays; one column holds the labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from src.data.splits import Draw, Split, Splits, make_splits
from src.errors import InputError

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """Features of examples, and their labels as words where the file has them."""

    path: Path
    columns: Sequence[str]  # of the features
    features: np.ndarray  # (N, features) float32; of an NPZ file (N, *shape), float32 or uint8
    labels: Sequence[str] | None


def load(train: str, test: str | None, label: str, **draw: Unpack[Draw]) -> Splits:
    """Return splits of the file `train`; `test` is a second file, with labels or without.

    `label` is the column of labels, numbers or words; all others are features. In an NPZ file
    it is the array of labels, and the one other array holds the examples, of any shape.
    Raises InputError naming the file and the column or the line that is wrong.
    """
    table = read(Path(train), label)
    if table.labels is None:
        raise InputError(f"data.label={label}: must be one of {_listed(table.columns)}")
    names = sorted(set(table.labels), key=_by_number)
    held_out = None
    content = _content(table)
    if test is not None:
        other, shape = read(Path(test), label), table.features.shape[1:]
        if other.columns != table.columns or other.features.shape[1:] != shape:
            features = f"the features of {table.path.name}: {_listed(table.columns)}"
            raise InputError(f"{other.path}: must have {features}")
        labels = None if other.labels is None else _numbered(other, names)
        rows = torch.arange(len(other.features))
        held_out = Split(torch.from_numpy(other.features), labels, rows)
        content += _content(other)
    name, examples = Path(train).stem, (torch.from_numpy(table.features), _numbered(table, names))
    return make_splits(name, content, examples, held_out, class_names=names, **draw)


@lru_cache(maxsize=4)
def read(path: Path, label: str) -> Table:
    """Return the table in a file; one without the column `label` has no labels."""
    return _arrays(path, label) if path.suffix == ".npz" else _rows(path, label)


def _rows(path: Path, label: str) -> Table:
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        delimiter = max(DELIMITERS, key=header.count)
        frame = pd.read_csv(path, sep=delimiter, encoding="utf-8-sig", index_col=False)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:150]
        raise InputError(f"{path}: cannot be read as CSV with a header: {reason}") from error
    labels = None
    if label in frame:
        column = frame.pop(label)
        if (missing := column.isna().to_numpy()).any():
            raise InputError(f"{path}:{missing.argmax() + 2}: {label}: must have a label")
        labels = [str(value) for value in column]
    if frame.empty:
        raise InputError(f"{path}: must have rows, and columns of features beside {label}")
    columns = []
    for name, column in frame.items():
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if len(wrong):
            cell = column.iloc[wrong[0]]
            said = f"={str(cell)[:40]}" if pd.notna(cell) else ": is missing"
            raise InputError(
                f"{path}:{wrong[0] + 2}: {name}{said}: every feature must be a finite number; "
                "pandas.get_dummies makes some of words, DataFrame.fillna of gaps"
            )
        columns.append(numbers)
    return Table(path, [str(name) for name in frame.columns], np.stack(columns, 1), labels)


def _arrays(path: Path, label: str) -> Table:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as NPZ of plain arrays: {error}") from error
    labels = arrays.pop(label, None)
    if len(arrays) != 1:
        found = _listed([*arrays, *([label] if labels is not None else [])])
        raise InputError(
            f"{path}: must hold the array {label} of data.label and one other; has {found}"
        )
    (name, values), *_ = arrays.items()
    features = values if values.dtype == np.uint8 else values.astype(np.float32)
    if features.ndim < 2 or (labels is not None and labels.shape != features.shape[:1]):
        shapes = f"{name} {features.shape}" + (
            "" if labels is None else f", {label} {labels.shape}"
        )
        raise InputError(f"{path}: must hold (N, …) examples and (N,) labels; has {shapes}")
    if not np.isfinite(features).all():
        raise InputError(f"{path}: {name}: must hold finite numbers")
    return Table(path, [name], features, None if labels is None else [str(v) for v in labels])


def _numbered(table: Table, names: Sequence[str]) -> Tensor:
    """Return labels (N,) int64, places in `names`."""
    numbers = {name: number for number, name in enumerate(names)}
    for line, name in enumerate(table.labels or (), 2):
        if name not in numbers:
            raise InputError(f"{table.path}:{line}: label {name}: must be one of {_listed(names)}")
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


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
