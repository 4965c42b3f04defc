"""Cores and threads, as the operating system and OpenMP define them."""

import os
import subprocess
import sys

import pytest

from src.folders import ROOT
from src.process import hardware


def test_cores_are_those_that_this_process_may_use():
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, [{core}]); from src.process import hardware; "
        "print(hardware.cores())"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "1\n", told.stderr


@pytest.mark.parametrize(
    ("value", "threads"),
    [
        ("4", 4),
        (" 4 ", 4),
        ("4,2", 4),
        ("4 , 2", 4),
        ("", None),
        ("auto", None),
        ("0", None),
        ("-1", None),
        ("2.5", None),
        (",2", None),
        ("٤", None),
        ("9" * 5000, None),
    ],
)
def test_the_outermost_threads_are_the_first_number_of_openmps_list(value, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert hardware.omp_threads() == threads


def test_without_openmps_variable_nothing_is_asked_for(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert hardware.omp_threads() is None
