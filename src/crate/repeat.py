"""The jobs of an archive run again, in a folder of their own, and their figures held together."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pandas import DataFrame, crosstab

from src.crate.results import JobResult, Repeat
from src.folders import CODE
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals


def run(overrides: Sequence[str], extra: Sequence[str], folder: Path) -> list[JobResult]:
    """Run a sweep in `folder`; return its jobs. Raises SystemExit where it could not begin.

    `extra` are overrides of whoever runs it, such as data.root.
    """
    own = [
        "models=none",
        "figures=false",
        f"tracking.uri=sqlite:///{folder}/mlflow.db",
        f"tracking.artifacts={folder}/artifacts",
        f"checkpoints={folder}/checkpoints",
        f"results={folder}/results",
        f"hydra.sweep.dir={folder}/sweep",
    ]
    command = [sys.executable, "-m", "src.train", "-m", *overrides, *own, *extra]
    path = f"{CODE}:{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False)
    jobs = [JobResult.of(record) for record in SweepJournals(Journal(folder / "sweep")).records()]
    if not jobs:
        raise SystemExit(done.returncode or 1)  # it has said why
    return jobs


def table(found: DataFrame) -> str:
    """Return how many figures of each name agree, and how, as lines of text."""
    counts = crosstab(found["figure"], found["repeat"]).reindex(columns=[*Repeat], fill_value=0)
    differences = (found["before"] - found["after"]).abs()
    counts["largest difference"] = differences.groupby(found["figure"]).max()
    return counts.rename_axis(columns=None).to_string(float_format="{:.3g}".format)


def unmatched(before: Sequence[JobResult], after: Sequence[JobResult]) -> Iterator[str]:
    """Yield a line for each job that was not run again, or not to the same end."""
    again = {job.key: job for job in after}
    for job in before:
        if job.key not in again:
            yield f"{job.name}: not run again: no job has its config and seed"
        elif (job.status, job.outcome) != (again[job.key].status, again[job.key].outcome):
            yield f"{job.name}: {job.outcome or job.status} is {again[job.key].outcome} now"
        elif job.dataset.get("digest") != again[job.key].dataset.get("digest"):
            yield f"{job.name}: run again on other data"


def differing(found: DataFrame) -> Iterator[str]:
    """Yield a line for each figure that is not what it was."""
    for each in found[found["repeat"] == Repeat.DIFFERS].itertuples():
        yield f"{each.job}: {each.figure} {each.before:.6g} is {each.after:.6g} now"
