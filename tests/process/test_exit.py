"""Ends of real processes: all that they leave is their status and their output."""

import os
import subprocess
import sys

import pytest

from src.folders import ROOT

PROGRAM = """
import atexit, os, signal, sys
from src.process.exit import fast_exit, require_normal_shutdown
class Late:
    def __del__(self):
        print("taken apart")
late = Late()
with fast_exit():
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
        ("os.kill(os.getpid(), signal.SIGINT)", 130, ""),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt, for which there was no signal\n"),
    ],
)
def test_a_process_that_ends_at_once_loses_nothing(body, status, said):
    process = ended(body)
    assert process.returncode == status
    assert process.stdout == "body\ncleaned up\n"
    assert process.stderr.endswith(said)
    assert bool(process.stderr) == bool(said)


def test_a_reader_that_has_gone_is_no_error():
    process = ended("raise BrokenPipeError")
    assert (process.returncode, process.stderr) == (1, "")


def test_a_process_that_others_clean_up_in_is_taken_apart():
    assert ended("require_normal_shutdown()").stdout == "body\ncleaned up\ntaken apart\n"


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
