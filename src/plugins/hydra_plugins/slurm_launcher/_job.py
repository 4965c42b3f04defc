"""A job as it waits in SLURM's queue."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_plugins.local_launcher import _worker

from src.launching import quick_teardown


@dataclass(frozen=True)
class QueuedJob:
    """A callable that is small when pickled: all that jobs share lies in the file `shared`."""

    shared: str
    working_directory: str
    number: int
    overrides: list[str]

    def __call__(self) -> bytes:
        """Run the job; return its JobReturn, pickled by value."""
        os.chdir(self.working_directory)
        with quick_teardown():
            multirun = _worker.Multirun.restore(Path(self.shared).read_bytes())
            return _worker.run(multirun, self.number, self.overrides)

    def checkpoint(self) -> Any:
        """Return what is queued again; the job's own checkpoint lies on disk after each epoch."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
