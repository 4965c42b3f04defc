"""Sweeps and what became of them: `python -m src.sweeps [FOLDER …]`.

Without a folder all under outputs are looked at. A sweep whose jobs have all ended without anybody
who waited is compared and ended, and a job that is gone is ended, as its scheduler tells.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from src import ROOT
from src.error_text import root_cause
from src.errors import InputError
from src.process_exit import fast_exit
from src.sweep.closing import close_if_ended
from src.tracking.job_record import JobRecord, Status, fold
from src.tracking.journal import journals
from src.tracking.repair import settle
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader import upload

COUNTED = {
    "finished": (Status.FINISHED,),
    "running": (Status.RUNNING,),
    "failed": (Status.FAILED, Status.KILLED),
}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def main(arguments: Sequence[str]) -> None:
    """Print a line for each sweep, the last one last, after its states were repaired."""
    if {"-h", "--help"} & {*arguments}:
        print(__doc__.strip())
        return
    table = Table(box=None)
    columns = ("sweep", "state", "began", "jobs", "finished", "running", "queued", "failed")
    for name in (*columns, "command"):
        table.add_column(name, overflow="fold", no_wrap=name != "command")
    rows = [_row(sweep) for sweep in _sweeps([Path(a) for a in arguments] or [ROOT / "outputs"])]
    for row in rows:
        table.add_row(*row)
    Console().print(table if rows else "No sweep yet; `python -m src.train -m …` makes one.")


def _sweeps(folders: Sequence[Path]) -> Iterator[JobRecord]:
    """Yield the sweeps in folders from the first to the last."""
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no folder; without one, outputs is looked at")
        records = (fold(journal) for journal in journals(folder))
        found += [record for record in records if record and record.is_sweep]
    yield from sorted(found, key=lambda record: record.start_time)


def _row(sweep: JobRecord) -> Sequence[str]:
    repaired = _repaired(sweep) if not sweep.has_ended else sweep
    jobs = SweepJournals(sweep.journal).records()
    states = Counter(job.status for job in jobs)
    total = int(sweep.tags.get("jobs", len(jobs)))
    counts = {name: sum(states[status] for status in some) for name, some in COUNTED.items()}
    queued = states[Status.SCHEDULED] + (0 if repaired.has_ended else total - len(jobs))
    shown = (counts["finished"], counts["running"], queued, counts["failed"])
    command = sweep.tags.get("command", sweep.name)
    state = repaired.status.lower()
    age = _age(time.time() - sweep.start_time / 1000)
    return (_named(sweep), state, age, str(total), *map(str, shown), command)


def _named(sweep: JobRecord) -> str:
    folder = sweep.journal.folder.absolute()
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)


def _repaired(sweep: JobRecord) -> JobRecord:
    """Return the record of a sweep after its states were made true, here and on the server."""
    before = sum(1 for _ in sweep.journal.events())
    try:
        outputs = ROOT / "outputs"
        index = ResultIndex(outputs / "results", outputs / "checkpoints", sweep.destination)
        if not close_if_ended(sweep.journal, index):
            settle(sweep.journal)
        waiting = SweepJournals(sweep.journal)
        changed = [job.journal for job in waiting.settle() if job.journal.has_unsent]
        own = [sweep.journal] if sum(1 for _ in sweep.journal.events()) > before else []
        if error := upload([*own, *changed], sweep.destination.connect):
            raise error
    except Exception as error:  # servers and networks raise their own
        print(f"{sweep.journal.folder}: {root_cause(error)}", file=sys.stderr)
    return fold(sweep.journal) or sweep


def _age(seconds: float) -> str:
    """Return the greatest unit alone, such as "3 h ago"."""
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    return f"{int(seconds // size)} {unit} ago"


if __name__ == "__main__":
    with fast_exit():
        try:
            main(sys.argv[1:])
        except InputError as error:
            sys.exit(str(error))
