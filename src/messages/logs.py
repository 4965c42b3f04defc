"""Lines for the user, and log messages that `hydra.verbose` shows."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console, RenderableType

from src.errors import OUTPUT_CLOSED

# Else it warns of a home that cannot be written to, and goes on without.
logging.getLogger("matplotlib").setLevel(logging.ERROR)


def show(verbose: bool | str | Sequence[str]) -> None:
    """Print messages of all levels to standard error: of this project, or of the named loggers.

    A later call replaces the output, which may have gone to the file of another job.
    """
    if not verbose:
        return
    names = ["src"] if verbose is True else [verbose] if isinstance(verbose, str) else verbose
    logging.basicConfig(format="%(name)s: %(message)s", force=True)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)


def to_stderr(line: RenderableType) -> None:
    """Print a line or a table to standard error; an output that is closed ends nothing."""
    with suppress(*OUTPUT_CLOSED):
        Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)


def to_stdout(line: RenderableType) -> None:
    """Print a line or a table to standard output; an output that is closed ends nothing."""
    with suppress(*OUTPUT_CLOSED):
        if isinstance(line, str):
            print(line, flush=True)
        else:
            Console().print(line)
