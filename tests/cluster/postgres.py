"""A real PostgreSQL on this machine: a server of its own, in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from until import until

PASSWORD = "s3cr3t-of-postgres"


def programs() -> Path | None:
    """The folder of Debian's PostgreSQL, which is on nobody's PATH; None without one."""
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)


class Postgres:
    """A server with one user, who needs a password."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="fairsweep-postgres-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        self.address = f"127.0.0.1:{self.port}/postgres"
        self.uri = f"postgresql+psycopg://keeper:{PASSWORD}@{self.address}"

    def create(self, name: str) -> str:
        """Make a database of this name; return its address."""
        import psycopg

        with psycopg.connect(self.uri.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.uri.replace("/postgres", f"/{name}")

    def start(self) -> None:
        """Make the database, and wait until it answers."""
        bin_folder, data = programs(), self.folder / "data"
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user:
            for path in (self.folder, password):
                shutil.chown(path, "postgres")
        options = ("--auth=scram-sha-256", "--username=keeper", f"--pwfile={password}")
        subprocess.run(
            [bin_folder / "initdb", *options, "--no-sync", data],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self.user,
        )  # fmt: skip
        command = [bin_folder / "postgres", "-D", data, "-p", str(self.port), "-k", self.folder]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "-h", "127.0.0.1", "-F"], stdout=log, stderr=log, cwd=self.folder,
                **self.user,
            )  # fmt: skip
        ready = [bin_folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, self.process)

    def stop(self) -> None:
        """End the server, and leave nothing."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # SIGTERM would wait for every client
            self.process.wait()
        shutil.rmtree(self.folder)
