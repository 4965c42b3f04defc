"""Provenance of a result: commit, command, versions, and where it was computed."""

import platform
import shlex
import socket
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import version

from src import ROOT, hardware
from src.credentials import redact
from src.process_identity import machine_id, process_id

PACKAGES = ("torch", "mlflow", "hydra-core", "scipy")


def tags() -> dict[str, str]:
    """Return the tags of every run."""
    return {
        "git_commit": git_commit(),
        "host": socket.gethostname(),
        "machine": machine_id(),
        "process": process_id(),
        "mlflow.source.name": "src.train",
        "mlflow.source.type": "LOCAL",
    }


def report() -> dict[str, str]:
    """Return all that a reader of a result needs to repeat it."""
    return {
        "command": command(),
        "versions": versions(),
        "hardware": hardware.describe(),
        "git_commit": git_commit(),
    }


@lru_cache(maxsize=1)
def git_commit() -> str:
    """Return HEAD's hash, with `+` where the work tree differs; `unknown` outside git."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def command() -> str:
    """Return the command line as the user typed it, without credentials."""
    return shlex.join(["python", "-m", "src.train", *map(redact, sys.argv[1:])])


def versions() -> str:
    """Return the versions of Python and of the packages that results depend on."""
    listed = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *listed])
