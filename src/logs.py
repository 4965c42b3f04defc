"""Log messages about what is passed over on purpose, shown with `hydra.verbose`."""

import logging
from collections.abc import Sequence


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
