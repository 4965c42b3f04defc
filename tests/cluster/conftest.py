"""Clusters and servers that the tests of this folder start, each once, and stop."""

import os
from collections.abc import Iterator

import postgres as postgres_daemon
import pytest
import slurm as slurm_daemons


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[slurm_daemons.Slurm]":
    """SLURM with two nodes, which all commands of this process talk to."""
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
    server.start()
    yield server
    server.stop()
