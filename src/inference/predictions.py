"""Predictions of a model for examples: computed in batches, told in lines, CSV and a matrix."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from rich.table import Table

from src.errors import InputError
from src.inference.examples import Example, stack
from src.inference.trained_model import BATCH, TrainedModel
from src.messages.error_text import refusal


@dataclass(frozen=True)
class Prediction:
    """An example and the probability of each class."""

    example: Example
    probabilities: np.ndarray  # (classes,)

    @property
    def index(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())


def predict(model: TrainedModel, examples: Iterable[Example]) -> Iterator[Prediction]:
    """Yield a prediction for each example, in their order."""
    waiting = iter(examples)
    while batch := list(islice(waiting, BATCH)):
        probabilities = model.probabilities(stack(batch)).numpy()
        yield from map(Prediction, batch, probabilities)


def line(model: TrainedModel, prediction: Prediction) -> str:
    """Return name, class and probability, and the true class where it is another."""
    index, label = prediction.index, prediction.example.label
    true = "" if label in (None, index) else f"  true: {model.classes[label]}"
    name, share = prediction.example.name, prediction.probabilities[index]
    return f"{name}  {model.classes[index]}  {share:.3f}{true}"


def write_csv(file: Path, model: TrainedModel, predictions: Sequence[Prediction]) -> None:
    """Write a row an example: name, class, its probability, the true class, and every probability.

    Raises InputError where the file cannot be written.
    """
    every = [f"p({name})" for name in model.classes]
    try:
        with file.open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target)
            writer.writerow(["name", "class", "probability", "true", *every])
            for prediction in predictions:
                index, label = prediction.index, prediction.example.label
                shares = [f"{share:.6g}" for share in prediction.probabilities]
                true = "" if label is None else model.classes[label]
                name = prediction.example.name
                writer.writerow([name, model.classes[index], shares[index], true, *shares])
    except OSError as error:
        raise InputError(f"out={file}: cannot be written: {refusal(error)}") from error


def counts(model: TrainedModel, predictions: Sequence[Prediction]) -> np.ndarray:
    """Return how many labelled examples of each class (rows) are taken for each (columns)."""
    found = np.zeros((len(model.classes),) * 2, dtype=int)
    for prediction in predictions:
        if prediction.example.label is not None:
            found[prediction.example.label, prediction.index] += 1
    return found


def error(found: np.ndarray) -> str:
    """Return the error of counts of true against predicted classes in words."""
    total, wrong = int(found.sum()), int(found.sum() - np.trace(found))
    return f"error {wrong / total:.2%} ({wrong} of {total})"


def confusion_table(model: TrainedModel, found: np.ndarray) -> Table:
    """Return the confusion matrix for a terminal; correct ones lie on its diagonal."""
    table = Table()
    table.add_column("true \\ predicted")
    for name in model.classes:
        table.add_column(name, justify="right")
    for row, name in enumerate(model.classes):
        cells = [str(n) if n else "·" for n in found[row]]
        cells[row] = f"[bold]{cells[row]}[/bold]"
        table.add_row(name, *cells)
    return table
