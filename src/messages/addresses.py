"""Addresses of databases and artifact stores, made from what a user typed and read back.

In a config `sqlite:///FILE` names the file as it is: no character of it stands for another. In
MLflow the same is a URL, in which `%` and `?` have meanings of their own, and the folder above the
file as it is written there is created; `sqlite+pysqlite:///` names the same database without that
(https://docs.sqlalchemy.org/en/20/core/engines.html#sqlite).
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

SQLITE, QUOTED_SQLITE = "sqlite:///", "sqlite+pysqlite:///"
SCHEME = re.compile(r"[a-z][a-z\d+.-]+:/", re.IGNORECASE)  # such as s3://, file:/ or dbfs:/


def database_path(uri: str) -> Path | None:
    """Return the file of a config's `tracking.uri`; None for a server."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def is_database(uri: str) -> bool:
    """Return whether a tracking address is a database that MLflow opens without a server."""
    return uri.startswith((SQLITE, QUOTED_SQLITE, "postgresql", "mysql", "mssql"))


def database_uri(path: Path) -> str:
    """Return MLflow's URI of an SQLite file."""
    plain, quoted = str(path), quote(str(path))
    return SQLITE + plain if plain == quoted else QUOTED_SQLITE + quoted


def artifacts_uri(place: str) -> str:
    """Return the URI of a config's `tracking.artifacts`, a folder or a URI already."""
    return place if SCHEME.match(place) else Path(place).absolute().as_uri()


def local_path(place: str) -> Path | None:
    """Return the folder that a place of artifacts stands for; None for one elsewhere."""
    if not SCHEME.match(place):
        return Path(place)
    parsed = urlsplit(place)
    return Path(unquote(parsed.path)) if parsed.scheme == "file" else None


def expand_home(place: str) -> str:
    """Return a path, or the address of a database, with `~` as the user's own folder."""
    if place.startswith(SQLITE):
        return SQLITE + expand_home(place.removeprefix(SQLITE))
    try:
        return str(Path(place).expanduser()) if place.startswith("~") else place
    except RuntimeError:  # ~NAME without a user of that name is a file
        return place


def moved(place: str, before: Path, after: Path) -> str:
    """Return a database's or an artifact store's address after `before` became `after`."""
    if (database := database_path(place)) is not None:
        return SQLITE + moved(str(database), before, after)
    path = local_path(place)
    if path is None or not path.is_relative_to(before):
        return place
    now = after / path.relative_to(before)
    return now.as_uri() if SCHEME.match(place) else str(now)
