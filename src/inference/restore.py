"""The trained model of a run: its logged program, else its weights in its config's model."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from src.errors import InputError
from src.inference import weights
from src.inference.fitting import ink_box
from src.inference.trained_model import TrainedModel
from src.tracking.job_record import JobRecord
from src.tracking.run_files import Fetch, trained_by
from src.tracking.sweep_runs import label

if TYPE_CHECKING:
    from src.tracking.run_source import RunSource
    from src.tracking.store import Store

SHAPE = (1, 28, 28)  # of the examples of runs that do not say it
METADATA_KEYS = ("target", "label", "box")  # in an MLflow model's metadata, beside its classes
HIGH_DIGIT = ("0 to 4", "5 to 9")

log = logging.getLogger(__name__)


def restore(source: "RunSource", record: JobRecord) -> TrainedModel:
    """Return the model of a run: its program, which holds the code as it was, else its weights'.

    Raises InputError where it cannot be had.
    """
    from src.tracking import logged_model  # imports MLflow

    run_id = trained_by(source.origin(record))
    if run_id and source.connect.reach():
        store = source.connect()
        if model_id := logged_model.find(store, run_id):
            return load(store, f"models:/{model_id}", label(record))
    return from_weights(source.fetch, record)


def load(store: "Store", uri: str, name: str | None = None) -> TrainedModel:
    """Return a model of MLflow. Raises InputError for one that does not name its classes."""
    from src.tracking import logged_model

    found = logged_model.load(store, uri)
    classes = found.metadata.get("classes")
    if not isinstance(classes, list):
        raise InputError(f"model={uri}: its metadata must list its classes")
    own = {key: found.metadata[key] for key in METADATA_KEYS if key in found.metadata}
    names = tuple(map(str, classes))
    return TrainedModel(name or uri, (found.program,), found.shape, names, **own)


def from_weights(fetch: Fetch, record: JobRecord, allowed: Collection[str] = ()) -> TrainedModel:
    """Return the model of a run from its config; `fetch` returns a file of the run.

    Its parts are those of this project's conf, or `allowed`.
    """
    name = f"run={record.run_id}"
    with TemporaryDirectory() as folder:
        nested = weights.read_config(fetch(record, "config.yaml", Path(folder)))
        state = weights.read_weights(fetch(record, "model.pt", Path(folder)))
        box = ink_box(examples(fetch, record, Path(folder)))
    classes, data = class_names(record, nested), nested.get("data", {})
    own = {key: str(data[key]) for key in ("target", "label") if key in data}
    module = weights.build(name, nested, state, shape(record), len(classes), allowed)
    return TrainedModel(label(record), (module,), shape(record), classes, **own, box=box)


def examples(fetch: Fetch, record: JobRecord, folder: Path) -> np.ndarray:
    """Return inputs (N, *shape) float32 of a run: of its validation set, or empty ones."""
    try:
        with fetch(record, "inputs.npz", folder).open("rb") as file, np.load(file) as kept:
            found = kept["inputs"]
    except Exception:  # of a run before they were kept, and all that a damaged file raises
        log.debug("%s: no inputs", record.name, exc_info=True)
        return np.zeros((2, *shape(record)), dtype=np.float32)
    return np.asarray(found / 255 if found.dtype == np.uint8 else found, dtype=np.float32)


def shape(record: JobRecord) -> tuple[int, ...]:
    """Return the shape of one example that a run was trained on."""
    return tuple(record.dataset.get("input_shape", SHAPE))


def class_names(record: JobRecord, nested: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the classes that a run's model tells apart."""
    if names := record.dataset.get("class_names"):
        return tuple(names)
    if nested.get("data", {}).get("target") == "high_digit":
        return HIGH_DIGIT
    return tuple(map(str, range(record.dataset.get("classes", 10))))
