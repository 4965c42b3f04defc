"""Predict with a trained model: `python -m src.predict [run=ID|sweep=last|model=URI] FILE …`.

FILE is an image, a folder of images (labelled by its subfolders if these are named like classes),
or a text file such as the ones that can be trained on, with labels or without. Images of any size,
colour and polarity are fitted to what the model was trained on.

  run=RUN_ID             the run's model
  sweep=last|RUN_ID      the best run of a sweep; the last sweep's is the default
  model=models:/NAME@champion   a model of MLflow
  out=FILE.csv           also write the predictions, with the probability of every class
  picture=FILE.png       draw the images, as they are and as the model sees them, beside predictions
  --ensemble             average the runs of the variant
  --score                require labels; without it errors are shown where there are labels
  tracking.KEY=VALUE     where the runs are, as for training
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src import command_line
from src.errors import InputError

if TYPE_CHECKING:
    from src.inference.examples import Example
    from src.inference.predictions import Prediction

FLAGS = ("--ensemble", "--score")


def main(arguments: Sequence[str]) -> None:
    """Predict and print a line an example. Raises InputError without model or examples."""
    words = command_line.parse(arguments, ("run", "sweep", "model", "out", "picture"), FLAGS)
    if not words.files:
        raise InputError("FILE: must be given: an image, a folder of them or a text file")
    for file in words.files:
        if not file or not Path(file).exists():  # "" would be the folder in which one stands
            raise InputError(f"{file or repr(file)}: must be a file or a folder")
    out, picture = words.output("out"), words.output("picture", (".png",))
    from src.inference import examples, predictions
    from src.inference.choice import choose

    model = choose(words, "--ensemble" in words.flags)
    print(f"model: {model.name}", file=sys.stderr)
    given: Iterable[Example] = examples.read(words.files, model)
    if "--score" in words.flags:
        given = _labelled([*given])
    found: list[Prediction] = []
    for prediction in _with_progress(predictions.predict(model, given)):
        found.append(prediction)
        print(predictions.line(model, prediction))
    table = predictions.table(model, found)
    if out:
        predictions.write_csv(out, table)
    if picture:
        from src.inference import contact_sheet

        contact_sheet.save(picture, model, found)
    if table["true"].notna().any():
        print(predictions.score(table, model.classes))


def _labelled(given: "Sequence[Example]") -> "Sequence[Example]":
    """Return the examples. Raises InputError, before any is predicted, for one without a label."""
    if unlabelled := [example.name for example in given if example.label is None]:
        said = f"{len(unlabelled)} of {len(given)} examples have no label, such as {unlabelled[0]}"
        raise InputError(f"--score: {said}; each must have one")
    return given


def _with_progress(predictions: "Iterable[Prediction]") -> "Iterable[Prediction]":
    """Pass predictions on, with a live bar on a terminal whose output goes elsewhere."""
    from rich.console import Console
    from rich.progress import track

    is_hidden = not sys.stderr.isatty() or sys.stdout.isatty()
    console = Console(stderr=True)
    return track(predictions, "predicting", console=console, transient=True, disable=is_hidden)


if __name__ == "__main__":
    command_line.run(main, __doc__)
