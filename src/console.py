"""The console script `fairsweep`, which is `python -m src.train`."""

import os
import sys
from pathlib import Path

from src.process.signals import exit_until_handled


def main() -> None:
    """Run the command line; parts of the user's own are found in the current folder."""
    exit_until_handled()  # the imports that follow take a while
    sys.path.append(str(Path.cwd()))  # last, so that another `src` there hides nothing
    os.environ["PYTHONSAFEPATH"] = "1"  # nor for processes that are started
    from src.process.exit import fast_exit

    with fast_exit():
        from src import train

        train.main()


if __name__ == "__main__":
    main()
