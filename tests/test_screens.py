"""Real terminals as a person sees them, of 80 and of 120 columns."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

import pytest

from src.folders import ROOT

pytestmark = pytest.mark.slow

LONG = (
    "data=mnist_5k", "data.n=200", "epochs=2", "figures=false", "optimizer=adam",
    "optimizer.lr=0.003", "activation=leaky_relu", "activation.negative_slope=0.02", "device=cpu",
)  # fmt: skip
COLOURS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def screen(width: int, *command: str) -> list[str]:
    """Return the lines that a command prints on a terminal, as they were sent to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    own = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=own | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    parts = []

    def read() -> None:
        while select.select([ours], [], [], 0)[0]:
            parts.append(os.read(ours, 65536))

    while process.poll() is None:  # the terminal stays open, so that nothing sent to it is lost
        select.select([ours], [], [], 0.1)
        read()
    read()
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0, b"".join(parts).decode()
    text = COLOURS.sub("", b"".join(parts).decode())
    return [line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")]


@pytest.mark.parametrize("width", [80, 120])
def test_the_epochs_and_the_result_of_a_run_fit(width, workplace):
    lines = screen(width, sys.executable, "-m", "src.train", *workplace.overrides, *LONG)
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/2", "2/2"]
    for line in epochs:
        assert len(line) <= width
        assert re.search(r"train +\d+\.\d\d%  validation +\d+\.\d\d%$", line)
    (row,) = [line for line in lines if line.startswith("│")]
    assert len(row) <= width
    assert len(re.findall(r"\d+\.\d\d%", row)) == 4


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_of_a_sweep_fit_and_no_number_wraps(width, workplace):
    swept = ("activation=sigmoid,relu", "seed=0,1", *LONG[:4], "-m")
    lines = screen(width, sys.executable, "-m", "src.train", *workplace.overrides, *swept)
    rows = [line for line in lines if re.match(r" ?(sigmoid|relu) ", line)]
    assert len(rows) == 3, "\n".join(lines)  # of two variants and a pair
    assert max(map(len, rows)) <= width
    for line in rows[:2]:
        assert re.search(r"\d+\.\d\d ± \d+\.\d\d", line)
    assert re.search(r"undecided|better|worse", rows[2])
    assert any(line.startswith("Report: ") for line in lines)
