"""Processor, cores and memory of this machine."""

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

import psutil


def describe() -> str:
    """Return processor, number of cores that this process may use, and memory."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError):
        if named := re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text()):
            processor = named[1]
    memory = psutil.virtual_memory().total / 2**30
    return f"{processor}, {cores()} cores, {memory:.0f} GiB"


def cores() -> int:
    """Return the cores this process may use: by its affinity, or its container's share."""
    import joblib  # takes a tenth of a second

    return int(joblib.cpu_count())


def omp_threads() -> int | None:
    """Return the threads that OMP_NUM_THREADS asks for, or None where it asks for none.

    It is a list of positive integers, one a level of nested parallelism; the first is for the
    outermost. White space may stand around each, and with anything else the program may do as it
    likes: https://www.openmp.org/spec-html/5.2/openmpse59.html.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) or None if re.fullmatch("[0-9]{1,9}", first) else None
