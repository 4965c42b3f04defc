"""Sweeps and what became of them: `python -m src.sweeps [FOLDER …]`.

Without a folder all under outputs are looked at. A sweep whose jobs have all ended while nobody
waited is compared and closed; a job whose process is gone gets the end that its scheduler reports.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence

from src import command_line
from src.command_line import folders
from src.compare.formatting import count
from src.config.files import shown
from src.messages import commands
from src.messages.error_text import root_cause
from src.sweep.closing import close_if_ended
from src.tracking.job_record import JobRecord, Status, fold
from src.tracking.journal import journals
from src.tracking.repair import end_if_gone
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader import upload

log = logging.getLogger(__name__)

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def main(arguments: Sequence[str]) -> None:
    """Print two lines for each sweep, the last one last, after its states were repaired."""
    found = [fold(journal) for folder in folders(arguments) for journal in journals(folder)]
    sweeps = [record for record in found if record and record.is_sweep]
    for sweep in sorted(sweeps, key=lambda record: record.start_time):
        print(*_lines(sweep), sep="\n  ")
    if not sweeps:
        print(f"No sweep yet; `{commands.train('-m')} …` makes one.")


def _lines(sweep: JobRecord) -> Sequence[str]:
    """Return folder, state, age and jobs of a sweep, and its command whole, to be copied."""
    repaired = _repaired(sweep) if not sweep.has_ended else sweep
    jobs = SweepJournals(sweep.journal).records()
    states = Counter(job.status for job in jobs)
    total = int(sweep.tags.get("jobs", len(jobs)))
    counts = {
        "finished": states[Status.FINISHED],
        "running": states[Status.RUNNING],
        "queued": states[Status.SCHEDULED] + (0 if repaired.has_ended else total - len(jobs)),
        "failed": states[Status.FAILED] + states[Status.KILLED],
    }
    came_to = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    name, age = shown(sweep.journal.folder.absolute()), _age(time.time() - sweep.start_time / 1000)
    title = f"{name}  {repaired.status.lower()}  {age}  {count(total, 'job')}"
    return (
        f"{title}: {came_to}" if came_to else title,
        sweep.tags.get("command", sweep.name),
    )


def _repaired(sweep: JobRecord) -> JobRecord:
    """Return the record of a sweep after its states were made true, here and on the server."""
    try:
        if not close_if_ended(sweep.journal, ResultIndex.by_default(sweep.destination)):
            end_if_gone(sweep.journal)
        jobs = [job.journal for job in SweepJournals(sweep.journal).end_gone_jobs()]
        if error := upload([sweep.journal, *jobs], sweep.destination.connect):
            raise error
    except Exception as error:  # servers and networks raise their own
        log.info("%s: not repaired", sweep.journal.path, exc_info=True)
        print(f"{sweep.journal.folder}: {root_cause(error)}", file=sys.stderr)
    return fold(sweep.journal) or sweep


def _age(seconds: float) -> str:
    """Return the greatest unit alone, such as "3 h ago"."""
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    return f"{int(seconds // size)} {unit} ago"


if __name__ == "__main__":
    command_line.run(main, __doc__)
