"""Where a result comes from, as other processes and the operating system see it."""

import os
import socket
import subprocess
import sys

import psutil
import pytest
from until import until

from src import ROOT, provenance


def test_cores_are_those_that_this_process_may_use():
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, [{core}]); from src import provenance; "
        "print(provenance.cores())"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "1\n", told.stderr


def test_a_process_is_alive_until_it_ends_and_no_other_is_taken_for_it():
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    pid, started = sleeper.pid, f"{psutil.Process(sleeper.pid).create_time():.2f}"
    assert provenance.is_alive(f"{pid}@{started}")
    assert not provenance.is_alive(f"{pid}@{float(started) - 60:.2f}"), "an earlier one's id"
    sleeper.kill()
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert not provenance.is_alive(f"{pid}@{started}"), "nobody has waited for it yet"
    sleeper.communicate()
    assert not provenance.is_alive(f"{pid}@{started}")


def test_the_cause_of_an_error_is_told_and_no_password():
    error = RuntimeError("max retries exceeded, with ever so many words")
    error.__cause__ = ConnectionRefusedError("refused by\nhttp://user:pw@host/x")
    assert provenance.reason(error) == "refused by http://host/x"


def test_a_cause_that_is_no_sentence_explains_nothing():
    error = ValueError("ftp is no scheme that is known")
    error.__context__ = KeyError("ftp")
    assert provenance.reason(error) == "ftp is no scheme that is known"


@pytest.fixture
def machine(monkeypatch):
    """What a machine of this name, id, network card and process namespace is told by."""

    def told(name: str, own: str, card: int, processes: str = "pid:[1]") -> str:
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr(provenance.Path, "read_text", lambda _: own)
        monkeypatch.setattr(provenance.Path, "readlink", lambda _: processes)
        monkeypatch.setattr(provenance.uuid, "getnode", lambda: card)
        return provenance.machine.__wrapped__()

    return told


def test_machines_of_one_name_are_told_apart_and_containers_of_one_machine_too(machine):
    laptop = machine("ubuntu", "0123\n", 1)
    assert machine("ubuntu", "0123\n", 2) == laptop, "another network card"
    assert machine("ubuntu", "4567\n", 1) != laptop
    assert machine("a container", "0123\n", 1) != laptop
    assert machine("ubuntu", "0123\n", 1, "pid:[2]") != laptop, "a container of the host's name"
    assert machine("ubuntu", "", 1) != machine("ubuntu", "", 2), "an image without an id"
    assert "0123" not in laptop
