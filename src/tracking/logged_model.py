"""Models of MLflow: logged with their run, metrics and dataset, found again, and registered.

https://mlflow.org/docs/latest/ml/model/ has their layout. They are kept as torch.export programs,
which load without this project; what is loaded is checked to hold no pickle but tensors.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from src.errors import InputError
from src.messages.error_text import root_cause, told_as
from src.metrics import BEST_EPOCH
from src.tracking.job_record import JobRecord
from src.tracking.program import Program
from src.tracking.store import Store

if TYPE_CHECKING:
    from torch import nn

# Read by MLflow when it loads a model: a pickle would run code of its maker's.
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"  # it would copy files of where the user works

NAME = "model"  # of a logged model, unless it has a better one
FLAVOR = "pytorch"
REGISTRY = "MLFLOW_REGISTRY_URI"


@dataclass(frozen=True)
class Loaded:
    """A model of MLflow: its exported program and what is known of it."""

    name: str
    program: "nn.Module"
    shape: tuple[int, ...]  # of one example
    metadata: Mapping[str, Any]


def log(store: Store, record: JobRecord, run_id: str, program: Program) -> str:
    """Log the model of a run; return its id.

    `run_id` is the run that trained it, which another may have been reused from. Raises what the
    server raises.
    """
    made = store.client.create_logged_model(
        store.experiment_id,
        name=NAME,
        source_run_id=run_id,
        params={key: value[:500] for key, value in record.params.items()},
        tags={
            key: record.tags[key] for key in ("variant", "seed", "git_commit") if key in record.tags
        },
        model_type="classifier",
    )
    status = LoggedModelStatus.FAILED
    try:
        with TemporaryDirectory() as folder:
            entry = Model(made.artifact_location, run_id, model_id=made.model_id)
            _save(entry, Path(folder, NAME), program)
            store.client.log_model_artifacts(made.model_id, f"{folder}/{NAME}")
        _link(store, record, run_id, made.model_id)
        status = LoggedModelStatus.READY
    finally:
        store.client.finalize_logged_model(made.model_id, status)
    return made.model_id


def _save(entry: Model, folder: Path, program: Program) -> None:
    """Write a model of MLflow's flavour `pytorch`, without importing torch."""
    with warnings.catch_warnings():  # of MLflow's own imports
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

    classes, shape = len(program.metadata["classes"]), program.example.shape[1:]
    config = f"extra_files/{program.config.name}"
    entry.add_flavor(
        FLAVOR,
        model_data=f"data/{program.folder.name}",
        pytorch_version=program.torch_version,
        code=None,
        extra_files=[{"path": config}],
    )
    versions = {"mlflow": mlflow, "numpy": np}
    mlflow.pyfunc.save_model(
        folder,
        loader_module="mlflow.pytorch",
        data_path=str(program.folder),
        mlflow_model=entry,
        signature=ModelSignature(
            Schema([TensorSpec(np.dtype(np.float32), (-1, *shape))]),
            Schema([TensorSpec(np.dtype(np.float32), (-1, classes))]),
        ),
        input_example=program.example,
        metadata=dict(program.metadata),
        model_config={"device": None},
        pip_requirements=[
            f"torch=={program.torch_version.partition('+')[0]}",
            *(f"{name}=={module.__version__}" for name, module in versions.items()),
        ],
    )
    (folder / config).parent.mkdir()
    copy(program.config, folder / config)


def _link(store: Store, record: JobRecord, run_id: str, model_id: str) -> None:
    """Show the summary of its run with the model, by its dataset."""
    dataset = {f"dataset_{key}": record.dataset.get(key) for key in ("name", "digest")}
    metrics = [
        Metric(key, found.value, found.timestamp, found.step, model_id, **dataset, run_id=run_id)
        for key in record.summary
        for found in store.client.get_metric_history(run_id, key)[-1:]
    ]
    store.client.log_batch(run_id, metrics)


def show_with(store: Store, record: JobRecord, model_id: str) -> None:
    """List a model among the outputs of a run, once."""
    assert record.run_id is not None, "only a run that is at the server has outputs there"
    outputs = store.client.get_run(record.run_id).outputs
    if outputs and any(each.model_id == model_id for each in outputs.model_outputs):
        return
    step = int(record.summary.get(BEST_EPOCH, 0))
    store.client.log_outputs(record.run_id, [LoggedModelOutput(model_id, step)])


def find(store: Store, run_id: str) -> str | None:
    """Return the id of the model that was logged of a run, the last of several."""
    found = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'")
    ready = (model for model in found if model.status == LoggedModelStatus.READY)
    return next((model.model_id for model in ready), None)


def load(store: Store, uri: str) -> Loaded:
    """Load a model by `models:/…` or another of MLflow's addresses.

    Raises InputError for one that is not there, or is no exported program free of pickles and code.
    """
    import mlflow.pytorch

    with told_as(f"model={uri}: cannot be loaded"):
        with _at(store):
            folder = download_artifacts(uri)
        entry = Model.load(folder)
        flavor = entry.flavors.get(FLAVOR)
        if flavor is None or flavor.get("code"):  # MLflow would put its code on the path
            raise InputError(f"model={uri}: must be an exported program of PyTorch without code")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = mlflow.pytorch.load_model(folder)
    inputs = entry.signature.inputs.inputs if entry.signature and entry.signature.inputs else []
    if len(inputs) != 1 or not isinstance(inputs[0], TensorSpec):
        raise InputError(f"model={uri}: must have a signature of one tensor")
    return Loaded(uri, program, tuple(inputs[0].shape[1:]), entry.metadata or {})


@contextmanager
def _at(store: Store) -> Iterator[None]:
    """Let MLflow's global addresses mean this store; its functions take no argument for it."""
    tracking = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    registry = os.environ.get(REGISTRY)
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    try:
        yield
    finally:  # also in the environment, which MLflow sets for the processes that this one starts
        mlflow.set_tracking_uri(tracking)  # type: ignore[arg-type] # None unsets it
        mlflow.set_registry_uri(registry)  # type: ignore[arg-type]
        if registry is None:
            os.environ.pop(REGISTRY)


def register(store: Store, model_id: str, name: str, description: str, alias: str) -> str:
    """Make a model a version of the registered model `name`; return the version."""
    client = store.client
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise InputError(f"name={name}: {root_cause(error)}") from error
    run_id = client.get_logged_model(model_id).source_run_id
    with _at(store):
        version = client.create_model_version(
            name, f"models:/{model_id}", run_id, description=description, model_id=model_id
        ).version
    client.set_registered_model_alias(name, alias, version)
    return str(version)
