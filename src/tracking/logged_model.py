"""Models of MLflow: logged with their run, metrics and dataset, found again, and registered.

https://mlflow.org/docs/latest/ml/model/ has their layout. They are kept as torch.export programs,
which load without this project; what is loaded is checked to hold no pickle but tensors.
"""

import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

# Read by MLflow when it loads a model: a pickle would run code of its maker's.
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"

from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from src.error_text import root_cause
from src.errors import InputError
from src.tracking.job_record import JobRecord
from src.tracking.store import Store

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

NAME = "model"  # of a logged model, unless it has a better one
FLAVOR = "pytorch"


@dataclass(frozen=True)
class Loaded:
    """A model of MLflow: its exported program and what is known of it."""

    name: str
    program: "nn.Module"
    shape: tuple[int, ...]  # of one example
    metadata: Mapping[str, Any]


def log(
    store: Store,
    record: JobRecord,
    module: "nn.Module",
    example: "np.ndarray",
    metadata: Mapping[str, Any],
    config: Path,
) -> str:
    """Log the model of a run; return its id.

    `example` is two or more examples (N, *shape) float32, `config` the run's resolved config.
    Raises what torch.export says of a model that it cannot trace, and what the server raises.
    """
    assert record.run_id is not None, "only a run that is at the server has a model there"
    made = store.client.create_logged_model(
        store.experiment_id,
        name=NAME,
        source_run_id=record.run_id,
        params={key: value[:500] for key, value in record.params.items()},
        tags={
            key: record.tags[key] for key in ("variant", "seed", "git_commit") if key in record.tags
        },
        model_type="classifier",
    )
    status = LoggedModelStatus.FAILED
    try:
        with TemporaryDirectory() as folder:
            entry = Model(made.artifact_location, record.run_id, model_id=made.model_id)
            _save(entry, Path(folder, NAME), module, example, metadata, config)
            store.client.log_model_artifacts(made.model_id, f"{folder}/{NAME}")
        _link(store, record, made.model_id)
        status = LoggedModelStatus.READY
    finally:
        store.client.finalize_logged_model(made.model_id, status)
    return made.model_id


def _save(
    entry: Model,
    folder: Path,
    module: "nn.Module",
    example: "np.ndarray",
    metadata: Mapping[str, Any],
    config: Path,
) -> None:
    import mlflow.pytorch
    import numpy as np
    import torch

    classes = len(metadata["classes"])
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype(np.float32), (-1, *example.shape[1:]), "pixels")]),
        Schema([TensorSpec(np.dtype(np.float32), (-1, classes), "logits")]),
    )
    versions = [f"torch=={torch.__version__.partition('+')[0]}", f"numpy=={np.__version__}"]
    with warnings.catch_warnings():  # of torch's own exporter
        warnings.simplefilter("ignore")
        mlflow.pytorch.save_model(
            module,
            folder,
            mlflow_model=entry,
            signature=signature,
            input_example=example,
            metadata=dict(metadata),
            pip_requirements=[f"mlflow=={mlflow.__version__}", *versions],
            extra_files=[str(config)],
            serialization_format="pt2",
        )


def _link(store: Store, record: JobRecord, model_id: str) -> None:
    """Show the model with its run, and the run's summary with the model, by its dataset."""
    assert record.run_id is not None
    step, moment = int(record.summary.get("best/epoch", 0)), time.time_ns() // 1_000_000
    store.client.log_outputs(record.run_id, [LoggedModelOutput(model_id, step)])
    dataset = record.dataset
    metrics = [
        Metric(
            key,
            value,
            moment,
            step,
            model_id,
            dataset.get("name"),
            dataset.get("digest"),
            record.run_id,
        )
        for key, value in record.summary.items()
    ]
    store.client.log_batch(record.run_id, metrics)


def find(store: Store, run_id: str) -> str | None:
    """Return the id of the model that was logged of a run, the last of several."""
    found = store.client.search_logged_models(
        [store.experiment_id], f"source_run_id = '{run_id}' AND status = 'READY'", max_results=1
    )
    return found[0].model_id if found else None


def load(store: Store, uri: str) -> Loaded:
    """Load a model by `models:/…` or another of MLflow's addresses.

    Raises InputError for one that is not there, or is no exported program free of pickles and code.
    """
    import mlflow.pytorch

    try:
        folder = download_artifacts(uri, tracking_uri=store.uri, registry_uri=store.uri)
        entry = Model.load(folder)
        flavor = entry.flavors.get(FLAVOR)
        if flavor is None or flavor.get("code"):  # MLflow would put its code on the path
            raise InputError(f"model={uri}: must be an exported program of PyTorch without code")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = mlflow.pytorch.load_model(folder)
    except InputError:
        raise
    except Exception as error:  # MLflow's, torch's and an artifact store's have no common base
        raise InputError(f"model={uri}: cannot be loaded: {root_cause(error)}") from error
    inputs = entry.signature.inputs.inputs if entry.signature and entry.signature.inputs else []
    if len(inputs) != 1 or not isinstance(inputs[0], TensorSpec):
        raise InputError(f"model={uri}: must have a signature of one tensor")
    return Loaded(uri, program, tuple(inputs[0].shape[1:]), entry.metadata or {})


def register(store: Store, model_id: str, name: str, description: str, alias: str) -> str:
    """Make a model a version of the registered model `name`; return the version."""
    client = store.client
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise InputError(f"name={name}: {root_cause(error)}") from error
    run_id = client.get_logged_model(model_id).source_run_id
    version = client.create_model_version(
        name, f"models:/{model_id}", run_id, description=description, model_id=model_id
    ).version
    client.set_registered_model_alias(name, alias, version)
    return str(version)
