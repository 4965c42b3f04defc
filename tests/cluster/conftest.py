"""Clusters and servers that the tests of this folder start, each once, and stop."""

import os
from collections.abc import Iterator

import postgres as postgres_daemon
import pytest
import s3 as s3_daemon
import slurm as slurm_daemons


@pytest.fixture
def slurm(slurm_daemon: "slurm_daemons.Slurm") -> "Iterator[slurm_daemons.Slurm]":
    """SLURM with two nodes that wait for jobs, whatever the test before has left."""
    yield slurm_daemon
    slurm_daemon.clear()


@pytest.fixture(scope="session")
def slurm_daemon(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[slurm_daemons.Slurm]":
    """SLURM, which all commands of this process talk to."""
    if reason := slurm_daemons.missing():
        pytest.skip(reason)
    cluster = slurm_daemons.Slurm(tmp_path_factory.mktemp("slurm"))
    os.environ |= cluster.environment
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        for name in cluster.environment:
            del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> "Iterator[postgres_daemon.Postgres]":
    """A PostgreSQL that takes a user with a password."""
    if postgres_daemon.programs() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    pytest.importorskip("psycopg")
    server = postgres_daemon.Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def s3() -> "Iterator[s3_daemon.S3]":
    """An S3 store with one bucket."""
    pytest.importorskip("moto", reason='no moto: pip install -e ".[test]"')
    store = s3_daemon.S3()
    try:
        yield store
    finally:
        store.stop()
