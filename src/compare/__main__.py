"""Compare runs again, or runs of several sweeps: `python -m src.compare [RUN_ID …] [key=value …]`.

Without a run id the last sweep is compared; `key=value` are the config's `compare` and `tracking`.
Another baseline, margin or metric than the sweep's is an answer post hoc: it is put beside the one
that was planned, and labelled. Journals on this machine are read, and the tracking server is asked
for what has none. The answer becomes a part of the sweep's journal, and is sent when the server
answers; that of a sweep which still goes on, or of several, lies in outputs/comparisons.

  --json    print the answer for a program, and nothing else on standard output
  --csv FILE --value COLUMN --seed COLUMN [--maximize] [--margin X] [--baseline 'COLUMN=LEVEL …']
            compare a table that fairsweep did not make; every other column is a factor
"""

import os
from collections.abc import Sequence

from src import command_line
from src.compare import foreign_table
from src.errors import InputError
from src.messages.error_text import unknown

JSON, CSV = "--json", "--csv"
OPTIONS = (JSON, CSV, "--help")


def main(arguments: Sequence[str]) -> None:
    """Compare a table, or runs that were recorded. Raises InputError for an unknown option."""
    os.environ["MPLBACKEND"] = "agg"  # figures become files; a notebook's may be missing here
    if any(argument.partition("=")[0] == CSV for argument in arguments):
        foreign_table.main(arguments)
        return
    if options := [a for a in arguments if a.startswith("-") and a != JSON]:
        raise InputError(unknown(options[0].partition("=")[0], OPTIONS))
    from src.answers import again  # imports MLflow, which takes seconds

    again.run([argument for argument in arguments if argument != JSON], JSON in arguments)


if __name__ == "__main__":
    command_line.run(main, __doc__)
