"""Identity of machines and processes, and whether a process still lives."""

import hashlib
import os
import socket
import uuid
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import psutil


@lru_cache(maxsize=1)
def machine_id() -> str:
    """Return a digest that tells apart the machines whose processes can be looked at.

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


def process_id() -> str:
    """Return an id that is unique across reboots and pid reuse: pid@start_time@boot_id.

    The time counts in seconds from the boot, for the time of day may be set.
    """
    return f"{os.getpid()}@{_start_time(psutil.Process()):.2f}@{_boot_id()}"


def is_alive(process: str) -> bool:
    """Return whether a process of this machine, as `process_id` names it, still runs."""
    pid, _, rest = process.partition("@")
    start, _, boot = rest.partition("@")
    try:
        found = psutil.Process(int(pid))
        # Linux tells its boot in whole seconds; a pid does not come again within two.
        is_same = boot == _boot_id() and abs(_start_time(found) - float(start)) < 2
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start_time(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _boot_id() -> str:
    """Return a part of the kernel's id of this boot, where there is one: random(4)."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return ""
