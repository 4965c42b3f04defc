"""The commands that a message gives its reader to type next, as they work for this very sweep."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from src.folders import ROOT
from src.messages import addresses
from src.messages.credentials import redact

PROGRAM, SCRIPT = ("python", "-m", "src.train"), "fairsweep"  # the one that trains, by both names
PLAIN = re.compile(r"[\w.-]+")  # a user's name that cannot be a part of a password


def train(*words: str) -> str:
    """Return the command that trains, with the program as it was typed, and words."""
    is_script = Path(sys.argv[0]).stem == SCRIPT  # fairsweep.exe on Windows
    return shlex.join([*([SCRIPT] if is_script else PROGRAM), *words])


def sync(folder: Path) -> str:
    """Return the command that sends the rest of the jobs in `folder` to the tracking server."""
    is_default = folder.absolute().is_relative_to(ROOT / "outputs")
    return "python -m src.sync" + ("" if is_default else f" {shlex.quote(str(folder))}")


def ui(uri: str, experiment_id: str | None = None, run_id: str | None = None) -> str:
    """Return the command that opens MLflow's UI on this store, and the page of a run or its list.

    By itself the UI opens on pages for language models, which show no training.
    """
    of_experiment = f"/{experiment_id}/runs" if experiment_id else ""
    of_run = f"/{run_id}" if run_id else ""
    page = f"/#/experiments{of_experiment}{of_run}?workflowType=machine_learning"
    if uri.startswith("http"):
        return redact(uri).rstrip("/") + page
    if not addresses.is_database(uri):
        return redact(uri)
    location, note = _location(uri)
    command = f"{_mlflow()} ui --backend-store-uri {location} --host 127.0.0.1"
    return f"{command}{note}\n        at http://127.0.0.1:5000{page}"


def _location(uri: str) -> tuple[str, str]:
    """Return a database as the shell takes it, without its password, and where that comes from."""
    if database := addresses.database_path(uri):
        database = database.absolute()
        if database.is_relative_to(Path.cwd()):
            database = database.relative_to(Path.cwd())
        return shlex.quote(addresses.database_uri(database)), ""
    if uri == os.environ.get("MLFLOW_TRACKING_URI"):
        return '"$MLFLOW_TRACKING_URI"', ""
    scheme, _, rest = redact(uri).partition("://")
    user, has_password, _ = uri.partition("://")[2].rpartition("@")[0].partition(":")
    if not PLAIN.fullmatch(user):
        return shlex.quote(redact(uri)), ""
    note = "  # with its password in PGPASSWORD" if has_password else ""
    return shlex.quote(f"{scheme}://{user}@{rest}"), note


def _mlflow() -> str:
    """Return this environment's MLflow program, by its name alone if the shell finds it."""
    beside, on_path = Path(sys.executable).with_name("mlflow"), shutil.which("mlflow")
    is_on_path = on_path is not None and beside.exists() and Path(on_path).samefile(beside)
    return "mlflow" if is_on_path else f"{shlex.quote(sys.executable)} -m mlflow"
