"""Progress and results of jobs as a person sees them, errors in percent."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from src import metrics
from src.job_source import Job, JobSource
from src.messages import logs
from src.metrics import Epoch
from src.tracking.job_record import Action, JobRecord, Status, fold_readable
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals

DONE = {"reused": Action.REUSE, "resumed": Action.RESUME, "trained": Action.TRAIN}


def with_progress(epochs: Iterator[Epoch], total: int, name: str) -> Iterator[Epoch]:
    """Pass epochs on, with a line for each; `name` tells jobs apart, and is "" of a single run."""
    for epoch in epochs:
        line = f"{name}  epoch {epoch.epoch}/{total}  {errors(epoch.metrics)}"
        logs.to_stdout(line.strip())
        yield epoch


def errors(epoch: Mapping[str, float]) -> str:
    """Return the two errors of an epoch, in percent."""
    return f"train {epoch[metrics.TRAIN_ERROR]:6.2%}  validation {epoch[metrics.VAL_ERROR]:6.2%}"


def result_table(name: str, summary: Mapping[str, float], outcome: str) -> Table:
    """Return one job's result; a job that diverged at once has no best epoch."""
    table = Table(title=escape(f"{name} ({outcome})"))
    for heading in ("best validation", "at epoch", "final validation", "final train", "test"):
        table.add_column(heading, justify="right")
    percent = {key: f"{value:.2%}" for key, value in summary.items()}
    table.add_row(
        percent.get(metrics.BEST_VAL_ERROR, "-"),
        f"{summary[metrics.BEST_EPOCH]:.0f}" if metrics.BEST_EPOCH in summary else "-",
        percent[metrics.FINAL_VAL_ERROR],
        percent[metrics.FINAL_TRAIN_ERROR],
        percent.get(metrics.TEST_ERROR, "-"),
    )
    return table


def failure_table(failed: Sequence[JobRecord], folder: Path) -> Table:
    """Return the failed jobs of the sweep in `folder`; each has its output in a directory there."""
    table = Table(title="failed jobs", title_style="bold red", caption=f"Their output: {folder}/…")
    table.add_column("in")
    table.add_column("job", no_wrap=True)
    table.add_column("ended")
    table.add_column("why", overflow="fold")
    for job in failed:
        place = job.journal.folder.relative_to(folder)
        table.add_row(*map(escape, (str(place), job.name, job.status, job.reason)))
    return table


def job_counts(jobs: Sequence[JobRecord]) -> str:
    """Return how many jobs were reused, resumed, trained from the start, and how many failed."""
    done = [job for job in jobs if not job.has_failed]
    counts = {word: sum(job.action == action for job in done) for word, action in DONE.items()}
    counts["failed"] = len(jobs) - len(done)
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{len(jobs)} jobs: {said or 'none began'}"


def last_epoch(record: JobRecord) -> str:
    """Return the last epoch of a job and its errors; "" before the first."""
    if not record.by_step:
        return ""
    step = max(record.by_step)
    last = record.params.get("stop_after") or record.params.get("epochs", "?")
    return f"epoch {step}/{last}  {errors(record.by_step[step])}"


class SweepView:
    """The state of a running sweep, read from its jobs' journals.

    On a terminal a line for the sweep and one for each running job; elsewhere a line for each
    job that ends.
    """

    def __init__(self, folder: Path, source: JobSource) -> None:
        self.source, self.journals = source, SweepJournals(Journal(folder))
        self.known = source.before  # jobs
        self.waiting: dict[int, Job] = {}
        self.ended: Counter[str] = Counter()  # by how
        self.start = time.monotonic()
        self.console = Console(stderr=True)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> "SweepView":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    @property
    def total(self) -> int:
        """The number of jobs, as far as it is known."""
        return max(self.source.total, self.known)

    def add(self, jobs: Sequence[Job]) -> None:
        """Note that jobs are to be run."""
        self.known += len(jobs)
        self.waiting |= {job.number: job for job in jobs}

    def done(self, number: int, error: BaseException | None) -> None:
        """Note that a job has ended; a failure is told at once."""
        job, record = self.waiting.pop(number), self._record(number)
        is_reused = record and record.action == Action.REUSE
        how = "failed" if error is not None else "reused" if is_reused else "finished"
        epoch = f"  {last_epoch(record)}".rstrip() if record and how == "finished" else ""
        said = f"{how}: {error}" if error is not None else how + epoch
        self.ended[how] += 1
        if error is not None or not self.console.is_terminal:
            done = self.known - len(self.waiting)
            logs.to_stderr(f"[{done}/{self.total}] {job.name}  {said}")

    def again(self, job: Job, error: BaseException) -> None:
        """Note that a job is tried again."""
        logs.to_stderr(f"{job.name}  {error}; tried again")

    def refresh(self) -> None:
        """Draw the present state."""
        if self.console.is_terminal:
            self.journals.find()
            begun = [job for job in self.waiting.values() if job.number in self.journals.jobs]
            records = [(job, self._record(job.number)) for job in begun]
            running = [(job, record) for job, record in records if record]
            states = [(job.name, last_epoch(record) or "starting") for job, record in running]
            lines = [self._summary(len(running)), *job_lines(states, self.console.width)]
            self.live.update(Text("\n".join(lines), no_wrap=True), refresh=True)

    def _summary(self, running: int) -> str:
        counts = self.ended | Counter(running=running)
        words = ("finished", "running", "reused", "failed")
        said = " · ".join(f"{counts[word]} {word}" for word in words)
        if trained := self.ended["finished"] + self.ended["failed"]:
            left = self.total - self.source.before - self.ended.total()
            seconds = (time.monotonic() - self.start) / trained * left
            said += f" · {int(seconds // 60)}:{int(seconds % 60):02d} left"
        return f"{self.total} jobs: {said}"

    def results(self) -> dict[int, float]:
        """Return the results of jobs that have finished before they were handed out."""
        self.journals.find()
        known = {n: self._record(n) for n in self.waiting if n in self.journals.jobs}
        finished = {n: r for n, r in known.items() if r and r.status == Status.FINISHED}
        return {number: record.objective for number, record in finished.items()}

    def _record(self, number: int) -> JobRecord | None:
        """Return the record of a job that has begun."""
        journal = self.journals.get(number)
        return fold_readable(journal) if journal else None


def job_lines(states: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return a line of at most `width` characters for each job: its name, cut to fit, its state."""
    room = width - 4 - max((len(state) for _, state in states), default=0)
    longest = max(1, min(room, max((len(name) for name, _ in states), default=0)))
    return [f"  {_cut(name, longest):{longest}}  {state}" for name, state in states]


def _cut(text: str, width: int) -> str:
    """Shorten a text to `width` characters in its middle."""
    end = (width - 1) // 2
    return text if len(text) <= width else f"{text[: width - 1 - end]}…{text[len(text) - end :]}"
