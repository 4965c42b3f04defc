"""Cost of a job, and memory, from the first to the last of many: `python tests/bench_many_jobs.py`.

`JOBS=2000` makes as many of them; 10,000 by default, of which each trains next to nothing.
"""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from bench_sweep import ROOT, TINY, Place

JOBS = int(os.environ.get("JOBS", "10000"))
PARTS = 10  # of the sweep, each of which is measured


def cpu_seconds(tree: list[psutil.Process]) -> float:
    """Return what processes have computed, with those of their children that have ended."""
    total = 0.0
    for process in tree:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue
    return total


def memory(process: psutil.Process) -> float:
    """Resident memory in MB; 0 once it is gone."""
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0


def measure(place: Place) -> None:
    """Print wall and processor time a job of each part of one sweep, and memory at its end."""
    command = place.command(*TINY, f"seed=range({JOBS})", "models=none")
    sweep = psutil.Popen(command, cwd=ROOT, stdout=-3, stderr=-3)
    last, reached, begun = (0.0, 0.0), 0, time.monotonic()
    while sweep.poll() is None:
        time.sleep(0.2)
        done = len(list(place.last.iterdir())) if place.last.exists() else 0
        if done < JOBS * (reached + 1) // PARTS:
            continue
        tree = [sweep, *sweep.children(recursive=True)]
        now = time.monotonic() - begun, cpu_seconds(tree)
        wall, cpu = (1000 * PARTS / JOBS * (b - a) for a, b in zip(last, now, strict=True))
        uploader = max(
            (memory(p) for p in tree[1:] if "uploader" in " ".join(p.cmdline())), default=0
        )
        print(
            f"{done:6} jobs: {wall:4.0f} ms each, {cpu:4.0f} ms of processors; "
            f"memory {memory(sweep):.0f} MB, uploader {uploader:.0f} MB",
            flush=True,
        )
        last, reached = now, reached + 1
    assert sweep.returncode == 0


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        measure(Place(Path(scratch)))
