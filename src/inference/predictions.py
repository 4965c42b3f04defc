"""Predictions of a model: computed in batches, told in lines, a table and a confusion matrix."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from pandas import DataFrame, crosstab

from src.inference.examples import Example, stack
from src.inference.trained_model import BATCH, TrainedModel
from src.messages.error_text import told_as


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


def table(model: TrainedModel, predictions: Sequence[Prediction]) -> DataFrame:
    """Return a row an example: name, class, its probability, the true class, every probability."""
    classes = model.classes
    return DataFrame(
        {
            "name": each.example.name,
            "class": classes[each.index],
            "probability": each.probabilities[each.index],
            "true": None if each.example.label is None else classes[each.example.label],
            **{f"p({name})": p for name, p in zip(classes, each.probabilities, strict=True)},
        }
        for each in predictions
    )


def write_csv(file: Path, found: DataFrame) -> None:
    """Write the table. Raises InputError where the file cannot be written."""
    with told_as(f"out={file}: cannot be written"):
        found.to_csv(file, index=False, float_format="%.6g")


def score(found: DataFrame, classes: Sequence[str]) -> str:
    """Return the error of the labelled examples, and their confusion matrix: its rows are true."""
    labelled = found.dropna(subset="true")
    wrong = int((labelled["true"] != labelled["class"]).sum())
    counts = crosstab(labelled["true"], labelled["class"].rename("predicted"))
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    error = f"error {wrong / len(labelled):.2%} ({wrong} of {len(labelled)})"
    return f"{error}\n{counts.to_string()}"
