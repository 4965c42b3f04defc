"""The commands that a message gives its reader to type next, as they work for this very sweep."""

import shlex
import shutil
import sys
from pathlib import Path

from src import ROOT, addresses
from src.credentials import redact


def sync(folder: Path) -> str:
    """Return the command that sends the rest of the jobs in `folder` to the tracking server."""
    is_default = folder.absolute().is_relative_to(ROOT / "outputs")
    return "python -m src.sync" + ("" if is_default else f" {shlex.quote(str(folder))}")


def ui(uri: str, experiment_id: str | None = None) -> str:
    """Return the command that opens MLflow's UI on this store, and the page of an experiment.

    Of its own it opens on pages for language models, where no run of a training is to be seen.
    """
    of_experiment = f"/{experiment_id}/runs" if experiment_id else ""
    page = f"/#/experiments{of_experiment}?workflowType=machine_learning"
    if uri.startswith("http"):
        return redact(uri).rstrip("/") + page
    database = addresses.database_path(uri)
    if database is None:
        return redact(uri)
    database = database.absolute()
    if database.is_relative_to(Path.cwd()):
        database = database.relative_to(Path.cwd())
    location = shlex.quote(addresses.database_uri(database))
    command = f"{_mlflow()} ui --backend-store-uri {location} --host 127.0.0.1"
    return f"{command}\n        at http://127.0.0.1:5000{page}"


def _mlflow() -> str:
    """MLflow's program of this environment, by its name alone if the shell finds it."""
    beside, on_path = Path(sys.executable).with_name("mlflow"), shutil.which("mlflow")
    is_on_path = on_path is not None and beside.exists() and Path(on_path).samefile(beside)
    return "mlflow" if is_on_path else f"{shlex.quote(sys.executable)} -m mlflow"
