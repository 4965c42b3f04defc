"""Provenance of a result: commit, command, versions, and where it was computed."""

import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version

from src.code_digest import SNAPSHOT
from src.config.search_space import unquoted
from src.folders import CODE, ROOT
from src.messages import commands
from src.messages.credentials import redact
from src.process import hardware, scheduler
from src.process.identity import machine_id, process_id

COMMIT = "git_commit"  # the file beside a copy of the code that names its commit
ALL_CODE = ("src/*.py",)  # git's pattern, which folders do not end
REPORT_TAGS = ("command", "versions", "hardware", "git_commit")  # of a sweep: see `report`
PACKAGES = ("torch", "mlflow", "hydra-core", "scipy")


def tags(code: Iterable[str] = ALL_CODE) -> dict[str, str]:
    """Return the tags of a run that depends on the files `code`, named as digests are."""
    job = scheduler.own_job()
    return {
        **({"scheduler_job": job} if job else {}),
        "git_commit": git_commit(tuple(code)),
        "host": socket.gethostname(),
        "machine": machine_id(),
        "process": process_id(),
        "mlflow.source.name": "src.train",
        "mlflow.source.type": "LOCAL",
    }


def report(code: Iterable[str] = ALL_CODE) -> dict[str, str]:
    """Return command, versions, hardware and commit, to repeat results of `code`."""
    installed = [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in PACKAGES)]
    return {
        "command": command(),
        "versions": ", ".join(installed),
        "hardware": hardware.describe(),
        "git_commit": git_commit(tuple(code)),
    }


@lru_cache(maxsize=64)
def git_commit(code: tuple[str, ...]) -> str:
    """Return HEAD's hash, with `+` if code or a config differs from it; `unknown` outside git."""
    if (kept := CODE / COMMIT).is_file():
        return kept.read_text()
    try:
        head = git("rev-parse", "HEAD").decode().strip()
        files = SNAPSHOT.files()
        paths = [files.get(name, ROOT / name) for name in code if name.endswith(".py")]
        decisive = [str(path) for path in (*paths, ROOT / "conf") if path.is_relative_to(ROOT)]
        changed = git("status", "--porcelain", "--untracked-files=all", "--", *decisive)
        return head + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> bytes:
    """Return what git says of the repository. Raises OSError or CalledProcessError."""
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode > ("--no-index" in arguments):  # 1: there is a difference
        raise subprocess.CalledProcessError(done.returncode, shlex.join(command))
    return done.stdout


def command() -> str:
    """Return the command line as the user would type it again, without credentials."""
    return commands.train(*(redact(unquoted(argument)) for argument in sys.argv[1:]))
