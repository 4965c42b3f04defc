"""Machines and processes, as other processes and the operating system see them."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from until import until

from src.process import identity


@pytest.fixture
def sleeper():
    """A process that waits, and the seconds after the boot of this machine at which it began."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    status = Path(f"/proc/{process.pid}/stat").read_text()
    ticks = int(status.rpartition(")")[2].split()[19])  # proc_pid_stat(5): field 22
    yield process, ticks / os.sysconf("SC_CLK_TCK")
    process.kill()
    process.communicate()


BOOT = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def test_a_process_is_alive_until_it_ends_and_no_other_is_taken_for_it(sleeper):
    process, start = sleeper
    name = f"{process.pid}@{start:.2f}@{BOOT}"
    assert identity.is_alive(name)
    assert not identity.is_alive(f"{process.pid}@{start - 60:.2f}@{BOOT}"), "an earlier one's id"
    assert not identity.is_alive(f"{process.pid}@{start:.2f}@01234567"), "before a power cut"
    process.kill()
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert not identity.is_alive(name), "nobody has waited for it yet"
    process.communicate()
    assert not identity.is_alive(name)


def test_a_process_stays_the_same_when_the_clock_is_set(sleeper, monkeypatch):
    process, start = sleeper
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert psutil.Process(process.pid).create_time() > time.time(), "the clock was set"
    assert identity.is_alive(f"{process.pid}@{start:.2f}@{BOOT}")


@pytest.fixture
def machine(monkeypatch):
    """Return what a machine of this name, id, network card and process namespace is told by."""

    def told(name: str, own: str, card: int, processes: str = "pid:[1]") -> str:
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr(identity.Path, "read_text", lambda _: own)
        monkeypatch.setattr(identity.Path, "readlink", lambda _: processes)
        monkeypatch.setattr(identity.uuid, "getnode", lambda: card)
        return identity.machine_id.__wrapped__()

    return told


def test_machines_of_one_name_are_told_apart_and_containers_of_one_machine_too(machine):
    laptop = machine("ubuntu", "0123\n", 1)
    assert machine("ubuntu", "0123\n", 2) == laptop, "another network card"
    assert machine("ubuntu", "4567\n", 1) != laptop
    assert machine("a container", "0123\n", 1) != laptop
    assert machine("ubuntu", "0123\n", 1, "pid:[2]") != laptop, "a container of the host's name"
    assert machine("ubuntu", "", 1) != machine("ubuntu", "", 2), "an image without an id"
    assert "0123" not in laptop
