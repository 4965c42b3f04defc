"""Log messages that a user asks for."""

import logging
import os
import subprocess
import sys

import pytest

from src.folders import ROOT
from src.messages import logs


@pytest.fixture(autouse=True)
def _loggers_as_they_were():
    root, loggers = logging.getLogger(), [logging.getLogger(n) for n in ("src", "src.a", "other")]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    yield
    root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize(
    ("verbose", "shown"),
    [
        (False, []),
        (True, ["src.a"]),
        ("other", ["other"]),
        (["src.a", "other"], ["src.a", "other"]),
    ],
)
def test_messages_are_shown_as_hydra_verbose_says(verbose, shown, capsys):
    logs.show(verbose)
    for name in ("src.a", "other"):
        logging.getLogger(name).debug("passed over")
    assert capsys.readouterr().err == "".join(f"{name}: passed over\n" for name in shown)


def test_a_later_call_writes_to_the_output_of_that_time(capsys):
    logs.show(True)
    capsys.readouterr()
    logs.show(True)
    logging.getLogger("src.a").info("again")
    assert capsys.readouterr().err == "src.a: again\n"


@pytest.mark.slow
def test_a_home_that_cannot_be_written_to_is_no_news():
    """matplotlib keeps its settings there, and goes on without."""
    command = [sys.executable, "-c", "import src.messages.logs, matplotlib.pyplot"]
    told = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"MPLCONFIGDIR": "/dev/null/x", "HOME": "/dev/null"},
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")
