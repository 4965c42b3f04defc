"""How processes end: each is a real one, and all it leaves is its status and its words."""

import os
import subprocess
import sys

import pytest

from src import ROOT

PROGRAM = """
import atexit, sys
from src.signals import ending_at_once, to_take_apart
class Late:
    def __del__(self):
        print("taken apart")
late = Late()
with ending_at_once():
    atexit.register(print, "cleaned up")
    print("body")
    BODY
"""


def ended(body: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", PROGRAM.replace("BODY", body)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('not so')", 1, "not so\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_a_process_that_ends_at_once_loses_nothing(body, status, said):
    process = ended(body)
    assert process.returncode == status
    assert process.stdout == "body\ncleaned up\n"
    assert process.stderr.endswith(said)
    assert bool(process.stderr) == bool(said)


def test_a_signal_is_remembered_where_its_exception_is_lost():
    lose = """
    import os, signal, warnings
    from src.signals import interruptible, told_to_stop
    class Lossy:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
    with interruptible():
        Lossy()
        print(told_to_stop.is_set())
    print(told_to_stop.is_set())
    """
    assert ended(lose).stdout == "body\nTrue\nFalse\ncleaned up\n"


def test_a_process_that_others_clean_up_in_is_taken_apart():
    assert ended("to_take_apart.set()").stdout == "body\ncleaned up\ntaken apart\n"


@pytest.mark.parametrize("closed", ["sys.stdout = None", "sys.stderr = None"])
def test_a_process_that_was_given_no_output_ends_as_well(closed):
    program = f"import sys\n{closed}\n{PROGRAM.replace('BODY', 'pass').replace('print', 'str')}"
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")


def test_what_a_terminal_lacks_is_replaced():
    command = [sys.executable, "-c", PROGRAM.replace("BODY", "print(chr(8722))")]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (0, "body\n?\ncleaned up\n")
