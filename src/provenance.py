"""Where a result comes from: commit, host, process, command, versions and hardware."""

import hashlib
import os
import platform
import re
import shlex
import socket
import subprocess
import sys
import uuid
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import psutil

from src import ROOT

PACKAGES = ("torch", "mlflow", "hydra-core", "scipy")


@lru_cache(maxsize=1)
def git_commit() -> str:
    """HEAD's hash, with `+` behind it when the work tree differs; `unknown` outside git."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def tags() -> dict[str, str]:
    """What every run is marked with."""
    return {
        "git_commit": git_commit(),
        "host": socket.gethostname(),
        "machine": machine(),
        "process": process(),
        "mlflow.source.name": "src.train",
        "mlflow.source.type": "LOCAL",
    }


def report() -> dict[str, str]:
    """What a reader of a result needs to repeat it."""
    return {
        "command": command(),
        "versions": versions(),
        "hardware": hardware(),
        "git_commit": git_commit(),
    }


@lru_cache(maxsize=1)
def machine() -> str:
    """A digest of what tells one from another the machines whose processes can be looked at.

    Many a laptop shares its name with another, so its id counts as well, which is not to be shown
    (https://www.freedesktop.org/software/systemd/man/latest/machine-id.html); and a container may
    see other processes than its host (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html).
    """
    own = processes = ""
    with suppress(OSError):
        own = Path("/etc/machine-id").read_text().strip()
    with suppress(OSError):
        processes = str(Path("/proc/self/ns/pid").readlink())
    content = f"fairsweep/{socket.gethostname()}/{own or uuid.getnode()}/{processes}"
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def process() -> str:
    """This process's id, its start in seconds since the boot, and the boot: its alone for ever."""
    return f"{os.getpid()}@{_start(psutil.Process()):.2f}@{_boot()}"


def is_alive(process: str) -> bool:
    """Whether a process of this machine, as `process` names it, still runs."""
    pid, _, rest = process.partition("@")
    start, _, boot = rest.partition("@")
    try:
        found = psutil.Process(int(pid))
        # Linux tells its boot in whole seconds; a pid does not come again within two.
        is_same = boot == _boot() and abs(_start(found) - float(start)) < 2
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start(found: psutil.Process) -> float:
    """Since the boot, for the time of day may be set."""
    return found.create_time() - psutil.boot_time()


def _boot() -> str:
    """What tells this boot from others, where the system says: random(4)."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return ""


def command() -> str:
    """The command line as the user typed it, passwords in addresses taken out."""
    return without_credentials(shlex.join(["python", "-m", "src.train", *sys.argv[1:]]))


def without_credentials(text: str) -> str:
    """`scheme://user:password@host` becomes `scheme://host`."""
    return re.sub(r"(\w://)[^/\s]*@", r"\1", text)


def reason(error: BaseException) -> str:
    """What went wrong in one short line without credentials: the deepest cause that is a sentence.

    Of a server that is down, "Connection refused" lies four exceptions deep in MLflow's own.
    """
    while " " in str(cause := error.__cause__ or error.__context__ or ""):
        error = cause
    return " ".join(without_credentials(str(error)).split())[:200]


def forget_credentials(folder: Path) -> None:
    """Take them out of the command line that Hydra keeps in a sweep's folder as it was typed."""
    record = folder / "multirun.yaml"
    with suppress(OSError):
        record.write_text(without_credentials(record.read_text()))


def hardware() -> str:
    """Processor, number of cores that this process may use, and memory."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {cores()} cores, {memory:.0f} GiB"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def cores() -> int:
    """Cores this process may use: by its affinity, or the share that a container was given."""
    import joblib  # takes a tenth of a second

    return joblib.cpu_count()


def versions() -> str:
    """Python and the packages that results depend on."""
    listed = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *listed])
