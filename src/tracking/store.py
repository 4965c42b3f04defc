"""Connections to MLflow (https://mlflow.org/docs/latest/ml/tracking/), embedded or a server."""

import logging
import os
import re
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SADeprecationWarning

from src.errors import AccessDeniedError, ExperimentDeletedError, InputError
from src.messages import addresses
from src.messages.credentials import redact
from src.messages.error_text import root_cause
from src.tracking import embedded, mlflow_tables
from src.tracking.lock import locked

# Read by MLflow when it is used: no lines of its own between those of a sweep, and a dead server is
# known in seconds.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

log = logging.getLogger(__name__)

for name in ("mlflow", "alembic"):
    logging.getLogger(name).setLevel(logging.WARNING)
# Of a locked database, a traceback of a hundred lines before the exception that is handled here.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
# As Python does by default: a user's PYTHONWARNINGS=error is not meant for MLflow and SQLAlchemy.
warnings.filterwarnings("ignore", "", DeprecationWarning, r"(mlflow|alembic)\b")
warnings.simplefilter("ignore", SADeprecationWarning)  # told of many modules, migrations as well

# Modules that MLflow's stores of artifacts import only when they are used.
CLIENTS = {"S3ArtifactRepository": "boto3", "HdfsArtifactRepository": "pyarrow.fs"}
# Optional modules, by the names under which they are missed.
DRIVERS = {
    "psycopg": 'needs `pip install -e ".[postgres]"`',
    "psycopg2": 'needs `pip install -e ".[postgres]"` and postgresql+psycopg://',
    "pymysql": 'needs `pip install -e ".[mysql]"`',
    "MySQLdb": 'needs `pip install -e ".[mysql]"` and mysql+pymysql://',
    "boto3": 'needs `pip install -e ".[s3]"`',
}
# Of a server (https://www.rfc-editor.org/rfc/rfc9110#status.401), PostgreSQL and MySQL.
DENIED = re.compile(
    r"error code 40[13]\b|authentication failed|no password supplied|Access denied for user"
)
# Keyed by `is_served`: True for addresses of PostgreSQL and MySQL.
NEEDED = {
    False: "a writable sqlite:///FILE or a running server is needed",
    True: "the server of the database must run, and have one of this name",
}
PASSWORDS = {
    False: "for a server in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    True: "in the address; PostgreSQL's password may be in PGPASSWORD",
}
SCHEMA = re.compile(r"schema \(found version (\w+), but expected (\w+)\)")  # in MLflow's words
OTHER_SCHEMA = (
    "is of another MLflow, schema {} instead of {}; `mlflow db upgrade ADDRESS` mends an older "
    "one, and a newer one takes a newer MLflow"
)
UNREACHABLE = (MlflowException, OSError)


@dataclass(frozen=True)
class Store:
    """A connection to one MLflow experiment."""

    uri: str
    client: MlflowClient
    experiment_id: str
    experiment: str

    @property
    def shown_uri(self) -> str:
        """The address as it may be told and stored."""
        return redact(self.uri)


@lru_cache(maxsize=4)
def connect(uri: str, experiment: str, artifacts: str, is_read: bool = False) -> Store:
    """Open the store, made if it is embedded and new.

    `artifacts` is where an embedded database keeps its files; "": where it does already, and no
    experiment is made. Raises InputError in one line when the database cannot be written, or read
    if `is_read`, or the server does not answer.
    """
    _note_environment(uri)
    found = addresses.database_path(uri)
    place = addresses.artifacts_uri(artifacts) if artifacts else ""
    if artifacts and addresses.is_database(uri):
        _check_artifacts(artifacts)
    try:
        if found is None:
            if addresses.is_database(uri):  # MLflow would ask for 100 seconds what refuses at once
                create_engine(uri, poolclass=NullPool).connect().close()
            own = place if addresses.is_database(uri) else None
            store = _open(uri, experiment, own if artifacts else "")
            kept = store.client.get_experiment(store.experiment_id).artifact_location or ""
            if kept.startswith("s3:"):  # of others the server may be the only one that can
                _check_artifacts(kept, f"tracking.experiment={experiment}: keeps its artifacts in ")
            return store
        database = found.absolute()
        if database.is_dir():  # MLflow would try it again for minutes
            raise InputError(f"tracking.uri={redact(uri)}: must be a file, not a folder")
        # Processes that migrate a fresh database at the same time crash in each other's tables.
        with locked(database):
            if not database.exists():
                embedded.make(database)
            embedded.check(database, os.R_OK if is_read else os.R_OK | os.W_OK)
            embedded.flush_seldom(database)
            store = _open(addresses.database_uri(database), experiment, place)
            if place and (note := mlflow_tables.follow(database, store.experiment_id, place)):
                print(f"note: {note}", file=sys.stderr)
            return store
    except InputError:
        raise
    except Exception as error:  # sqlalchemy's, requests' and MLflow's own have no common base
        raise _refusal(uri, error, is_read) from error


def _refusal(uri: str, error: Exception, is_read: bool) -> InputError:
    """Return what is told of a store that cannot be used, and what would help."""
    setting, cause = f"tracking.uri={redact(uri)}", root_cause(error)
    is_served = addresses.is_database(uri) and addresses.database_path(uri) is None
    if schema := SCHEMA.search(str(error)):
        return InputError(f"{setting}: {OTHER_SCHEMA.format(*schema.groups())}")
    if not DENIED.search(f"{error} {cause}"):
        needed = _driver(error) or NEEDED[is_served]
        is_denied = isinstance(error, PermissionError) and not is_read  # no outage: it stays so
        refusal = AccessDeniedError if is_denied else InputError
        return refusal(f"{setting}: cannot be used: {cause}; {needed}")
    needed = f"name and password are needed, {PASSWORDS[is_served]}"
    return AccessDeniedError(f"{setting}: refuses this user: {cause}; {needed}")


def _driver(error: BaseException) -> str:
    """Return the extra that brings a missing driver; "" where none is missing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name in DRIVERS:
            return DRIVERS[cause.name]
        cause = cause.__cause__ or cause.__context__
    return ""


def _check_artifacts(place: str, setting: str = "tracking.artifacts=") -> None:
    """Raise InputError for an artifact store of which MLflow knows nothing here.

    `setting` is what names the place: a key of the config, or an experiment that is there already.
    """
    try:
        repository = get_artifact_repository(addresses.artifacts_uri(place))
        if module := CLIENTS.get(type(repository).__name__):
            client = import_module(module)
            if module == "boto3" and client.Session().get_credentials() is None:
                raise MlflowException(
                    "no credentials; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY give them"
                )
    except ModuleNotFoundError as error:
        needed = DRIVERS.get(error.name or "", root_cause(error))
        raise InputError(f"{setting}{redact(place)}: {needed}") from error
    except (MlflowException, ImportError) as error:
        raise InputError(f"{setting}{redact(place)}: {root_cause(error)}") from error


@lru_cache(maxsize=4)  # once a process
def _note_environment(uri: str) -> None:
    if uri == os.environ.get("MLFLOW_TRACKING_URI"):
        note = f"note: tracking.uri={redact(uri)}, as MLFLOW_TRACKING_URI says"
        print(note, file=sys.stderr)


def _open(uri: str, experiment: str, artifacts: str | None) -> Store:
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is not None and found.lifecycle_stage == "deleted":
        said = f"must be another; this one was deleted at {redact(uri)}"
        raise ExperimentDeletedError(f"tracking.experiment={experiment}: {said}")
    if found is None and artifacts == "":
        raise InputError(f"tracking.experiment={experiment}: must be one at {redact(uri)}")
    if found is None:
        try:
            made = client.create_experiment(experiment, artifacts)
            return Store(uri, client, made, experiment)
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(experiment)
            if found is None:
                raise
    return Store(uri, client, found.experiment_id, experiment)
