"""A real MLflow server on this machine, which can be killed and started again."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from until import until

from tests.processes import Processes

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def free_port() -> int:
    """A port of the loopback address that nothing uses yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class MlflowServer:
    """`mlflow server` on the loopback address: on SQLite, but for a command that says otherwise."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.port, self.processes = folder, port or free_port(), Processes()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | QUIET | dict(environment or {})
        self.command = command or [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", f"{folder}/artifacts"),
        ]

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "server.log").open("a") as log:
            process = self.processes.start(
                self.command, stdout=log, stderr=log, env=self.environment, cwd=self.folder
            )
        until(self.answers, process)

    def answers(self) -> bool:
        """Return whether it is there."""
        try:
            with urlopen(f"{self.uri}/health", timeout=60) as reply:
                return reply.status == 200
        except HTTPError as refusal:
            return refusal.code == 401
        except OSError:
            return False

    def close(self) -> None:
        """End it without a chance to end well; it may be started again."""
        self.processes.close()
