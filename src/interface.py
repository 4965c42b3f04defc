"""The project in Python, such as in a notebook: `from src import sweep, compare`."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from src.answers import recorded_jobs
from src.compare import Comparison
from src.compare.answer import Answer
from src.compare.foreign_table import compare
from src.compare.variants import find_variants
from src.config import resolved
from src.config.compare_settings import CompareSettings
from src.config.resolvers import stamp
from src.errors import InputError
from src.folders import CODE, ROOT
from src.tracking.job_record import JobRecord, fold
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals

if TYPE_CHECKING:
    from pandas import DataFrame

COMMAND = (sys.executable, "-m", "src.console")
DIRECTORY, RESULTS = "hydra.sweep.dir=", "results="

__all__ = ["Answer", "Sweep", "compare", "sweep"]


@dataclass(frozen=True, repr=False)
class Sweep(Answer):
    """A sweep that has ended: its records, and the answer that it was run for."""

    folder: Path
    jobs: list[JobRecord]

    @cached_property
    def records(self) -> "DataFrame":
        """A row for each job: the levels of its factors, its seed, how it ended, its metrics.

        Of a comparison these are the jobs compared, without trials of tuned variants.
        """
        from pandas import DataFrame

        found, runs = self.result, [job.run for job in self.jobs]
        variants = found.variants if isinstance(found, Comparison) else find_variants(runs)
        summaries = {job.run.run_id: job.summary for job in self.jobs}
        return DataFrame(
            [
                {
                    **variant.levels,
                    "seed": run.seed,
                    "outcome": run.outcome or run.status.lower(),
                    **summaries.get(run.run_id, {}),
                    "run_id": run.run_id,
                }
                for variant in variants
                for run in variant.runs
            ]
        )


def sweep(*overrides: str) -> Sweep:
    """Run a sweep as `fairsweep -m …` does, print what it prints, and return what it found.

    It runs in a process of its own, since Hydra, torch and signals are of a whole process: it may
    be called again and again, in a notebook and in a thread.

    Args:
        overrides: as on a command line, such as "activation=sigmoid,relu".

    Raises:
        InputError: the sweep could not begin, or none of its jobs finished.
    """
    given = [o.removeprefix(DIRECTORY) for o in overrides if o.startswith(DIRECTORY)]
    folder = Path(given[-1].strip("'\"") if given else ROOT / "outputs" / "sweeps" / stamp())
    own = [] if given else [f"{DIRECTORY}'{folder}'"]
    journals = SweepJournals(Journal(folder))
    is_used = journals.sweep.path.exists()  # by a sweep before, and the command refuses it
    line = _run([*COMMAND, "-m", *own, *overrides])
    record = fold(journals.sweep)
    if is_used or record is None:
        raise InputError(line or "the sweep has ended without a word")
    jobs, places = journals.records(), [o for o in overrides if o.startswith(RESULTS)]
    config = resolved.settings(places)
    settings = CompareSettings.stored(record.params, config["compare"])
    lineage = ResultIndex.of(config).lineage(jobs)
    records = [*jobs, *journals.searches()]
    found = recorded_jobs.conclude(records, settings, record.tags, lineage=lineage)
    return Sweep(found, folder, jobs)


def _run(command: list[str]) -> str:
    """Run a command; print what it prints to where this process's `print` does.

    Returns its last line. An interrupt is handed on to it.
    """
    paths = [str(CODE), *filter(None, sys.path)]
    own = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | own,
        start_new_session=True,  # a notebook's interrupt may reach it or not; here it does once
    )
    line = ""
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
        except BaseException:  # a notebook's interrupt, and any bug in its printing
            process.send_signal(signal.SIGINT)
            raise
    return line.rstrip("\n")
