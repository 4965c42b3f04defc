"""Addresses of databases and artifacts, for paths with any character."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from src.messages.addresses import (
    artifacts_uri,
    database_path,
    database_uri,
    expand_home,
    local_path,
    moved,
)

PRINTABLE = "".join(chr(code) for code in range(32, 127) if chr(code) != "/")
BEYOND = [
    "é",
    "日",
    "\u202e",
    "🙂",
    "\t",
    "%25",
    "%41",
    "%2541",
    "?token=x",
    "?uri=true",
    "a?b=c&d",
    " ",
]


@pytest.fixture(scope="module")
def empty_database(mlflow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which MLflow has made its tables, which takes seconds."""
    from src.tracking import embedded, store

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    store.connect(f"sqlite:///{path}", "first", str(path.parent / "artifacts"))
    embedded.complete(f"sqlite:///{path}")
    return path


@pytest.mark.parametrize("characters", [PRINTABLE, *BEYOND])
def test_sqlalchemy_opens_the_file_of_this_name(characters, tmp_path):
    import sqlalchemy

    folder = tmp_path / f"x{characters}y"
    folder.mkdir()
    engine = sqlalchemy.create_engine(database_uri(folder / f"{characters}.db"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE made (here)")
    engine.dispose()
    with closing(sqlite3.connect(folder / f"{characters}.db")) as connection:
        assert list(connection.execute("SELECT name FROM sqlite_master")) == [("made",)]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "characters", [PRINTABLE, "é日\u202e🙂\t", "%25%41%2541", "a?b=c&d?x=", " "]
)
def test_mlflow_keeps_runs_and_artifacts_below_this_name(characters, empty_database, tmp_path):
    from src.tracking import store

    outputs = tmp_path / characters
    outputs.mkdir()
    shutil.copy(empty_database, outputs / "mlflow.db")
    opened = store.connect(f"sqlite:///{outputs}/mlflow.db", "second", str(outputs / "artifacts"))
    run = opened.client.create_run(opened.experiment_id)
    (tmp_path / "file.txt").write_text("kept")
    opened.client.log_artifact(run.info.run_id, str(tmp_path / "file.txt"), "below")
    with closing(sqlite3.connect(outputs / "mlflow.db")) as connection:
        assert list(connection.execute("SELECT run_uuid FROM runs")) == [(run.info.run_id,)]
    below = outputs / "artifacts" / run.info.run_id / "artifacts" / "below" / "file.txt"
    assert below.read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} == {outputs.name, "file.txt"}


def test_a_folder_becomes_a_uri_and_comes_back(tmp_path):
    for characters in [*PRINTABLE, *BEYOND]:
        folder = tmp_path / f"x{characters}y"
        assert url2pathname(urlsplit(artifacts_uri(str(folder))).path) == str(folder)
        assert local_path(artifacts_uri(str(folder))) == folder
        assert local_path(str(folder)) == folder
        assert database_path(f"sqlite:///{folder}") == folder


@pytest.mark.parametrize(
    "uri", ["s3://bucket/a b", "file:///data/x", "dbfs:/x", "gs://b", "S3://b"]
)
def test_an_address_is_no_folder(uri):
    assert artifacts_uri(uri) == uri
    assert local_path(uri) == (Path("/data/x") if uri.startswith("file") else None)


def test_a_plain_path_keeps_the_address_that_mlflow_prints():
    assert database_uri(Path("/a/b_c-1.db")) == "sqlite:////a/b_c-1.db"


@pytest.mark.parametrize("written", ["{}", "{}/runs", "sqlite:///{}/mlflow.db", "file://{}/x"])
def test_what_lies_in_a_moved_folder_went_along(written):
    before, after = Path("/here/out"), Path("/there/out")
    assert moved(written.format(before), before, after) == written.format(after)
    assert moved(written.format("/here/other"), before, after) == written.format("/here/other")


def test_a_uri_of_a_moved_folder_is_quoted_anew():
    assert moved("file:///a%2525/x", Path("/a%25"), Path("/b c#")) == "file:///b%20c%23/x"
    assert moved("s3://bucket/a/x", Path("/a"), Path("/b")) == "s3://bucket/a/x"


def test_a_tilde_is_the_home_of_its_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert expand_home("~/x") == "/home/me/x"
    assert expand_home("~") == "/home/me"
    assert expand_home("sqlite:///~/x.db") == "sqlite:////home/me/x.db"
    for as_it_is in ("a~", "/a/~/b", "~no-such-user/x", "s3://~/x"):
        assert expand_home(as_it_is) == as_it_is
