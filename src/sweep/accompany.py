"""The task of the process beside a sweep: upload its journals, and compare its jobs at the end.

sweep                             process beside it
the arguments                 ->
                              <-  "connected", or an InputError
fingerprints without result   ->
                              <-  how many of them the server had
folder, report                ->                          the sweep's journal has begun
whether it was interrupted    ->                          no job runs any more
                              <-  "compared", or an InputError for a bug in comparing
whether to print the result   ->                          the sweep's journal has ended
                              <-  "done"
"""

import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from rich.console import Console

from src import commands
from src.error_text import root_cause
from src.errors import OUTPUT_CLOSED, PEER_CLOSED, InputError
from src.tracking.job_record import ProcessState, Status, fold
from src.tracking.journal import FILES, Journal
from src.tracking.repair import end, settle
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader import ABORT_SECONDS, RETRY_SECONDS, Uploader, upload

if TYPE_CHECKING:
    from src.compare import Comparison

POLL_SECONDS = 0.1


def accompany_sweep(
    conn: Connection,
    index: ResultIndex,
    compare: Mapping[str, Any],
    planned: Mapping[str, Mapping[str, str]],
) -> None:
    """Accompany a sweep from before its first job to its comparison.

    `compare` is that of the config, `planned` the jobs' flat configs by their names where they
    are known. Raises InputError when these cannot be used, or the destination cannot.
    """
    from src.compare import (
        recorded_jobs,  # imports numpy, which the sweep's own process has no use for
    )

    note = recorded_jobs.power_note(planned, compare)
    is_reached = _connect(index)
    close_abandoned(index, is_reached)
    conn.send("connected")
    (missing,) = conn.recv()
    conn.send(import_results(index, missing) if is_reached else 0)
    folder, report = conn.recv()
    if note:
        _print(f"note: {note}")
    recorded_jobs.prepare()
    Companion(conn, index, SweepJournals(Journal(folder)), compare, report).run()


class Companion:
    """The process beside a sweep that has begun."""

    def __init__(
        self,
        conn: Connection,
        index: ResultIndex,
        sweep: SweepJournals,
        compare: Mapping[str, Any],
        report: Mapping[str, str],
    ) -> None:
        self.conn = conn
        self.index = index
        self.sweep = sweep
        self.compare = compare
        self.report = report
        self.uploader = Uploader(sweep.find, index.tracking.connect)

    def run(self) -> None:
        """Upload until the sweep has ended, and print its comparison if that is wanted."""
        from src.compare import recorded_jobs

        result = None
        try:
            (is_interrupted,) = self.conn.recv()
            self._flush(is_interrupted)
            if not is_interrupted:
                result = self._compare()
            self.conn.send("compared")
            (is_wanted,) = self.conn.recv()
        except PEER_CLOSED:  # the sweep's own process is gone
            self._end_killed()
            is_wanted = False
        if result and is_wanted:
            with suppress(*OUTPUT_CLOSED):
                recorded_jobs.print_result(result)
        error = self._flush(is_interrupted=not is_wanted)
        if result and is_wanted:
            _print(self._report_location())
        self._close(error)

    def _report_location(self) -> str:
        from src.tracking import mlflow_source

        journal = self.sweep.sweep
        report = journal.folder / FILES / "comparison" / "report.html"
        run_id = journal.sent.run_id
        if run_id is None or report.exists():  # the server did not take it yet
            return f"Report: {report}"
        return mlflow_source.report_location(self.index.tracking.connect(), run_id)

    def _flush(self, is_interrupted: bool) -> Exception | None:
        if is_interrupted:
            return self.uploader.flush(0.0, wait=ABORT_SECONDS)
        return self.uploader.flush()

    def _compare(self) -> "Comparison | None":
        """Compare the jobs and write the report; a failure is printed, and costs only that.

        Sends an InputError for a bug in comparing, after its traceback.
        """
        from src.compare import recorded_jobs

        try:
            result = recorded_jobs.compare_records(self.sweep.records(), self.compare)
            recorded_jobs.record(result, self.sweep.sweep, self.report)
        except InputError as nothing:
            _print(f"No comparison: {nothing}")
        except OSError as error:
            _print(f"No comparison: {root_cause(error)}")
        except Exception as bug:  # which must not cost the sweep its end
            traceback.print_exc()
            self.conn.send(InputError(f"no comparison: {type(bug).__name__}: {bug}"))
        else:
            return result
        return None

    def _end_killed(self) -> None:
        """Wait until the processes of a sweep that was killed are gone, and end its journals."""
        own = self.sweep.sweep
        deadline = time.monotonic() + RETRY_SECONDS
        while time.monotonic() < deadline and any(
            not record.has_ended and record.process == ProcessState.ALIVE
            for record in self.sweep.records()
        ):
            time.sleep(POLL_SECONDS)
        self.sweep.settle()
        record = fold(own)
        if record and record.status == Status.RUNNING:
            end(own, Status.KILLED, "its process was gone")

    def _close(self, error: Exception | None) -> None:
        """Leave the database whole, and print what the server misses."""
        from src.tracking import store

        if error:
            _print(
                f"warning: the tracking server misses a part of this sweep ({root_cause(error)}); "
                f"later `{commands.sync(self.sweep.sweep.folder)}` sends it"
            )
        elif self.sweep.sweep_id:
            self.index.close(self.sweep.sweep_id)
        store.complete(self.index.tracking.uri)
        with suppress(*PEER_CLOSED):
            self.conn.send("done")


def _connect(index: ResultIndex) -> bool:
    """Return whether the server answers; one that has answered before may be away.

    Raises InputError where it never did, so that a wrong address is told before training.
    """
    try:
        index.tracking.connect()
    except InputError as refusal:
        if not index.was_reached():
            raise
        _print(f"warning: {refusal}. The sweep goes on, and `python -m src.sync` sends it later.")
        return False
    return True


def close_abandoned(index: ResultIndex, is_reached: bool) -> None:
    """End what processes of this machine that are gone have begun, and send what was kept back."""
    for job_id, folder in list(index.opened()):
        journal = Journal(folder)
        record = settle(journal)
        if record is None and not journal.is_readable:  # its owner's next sweep ends it
            continue
        if record is None or record.job_id != job_id:  # removed, or another's by now
            index.close(job_id)
        elif record.has_ended and record.process != ProcessState.ALIVE:
            waiting = [record.journal]
            if record.is_sweep:
                jobs = SweepJournals(record.journal).settle()
                waiting += [job.journal for job in jobs if job.has_ended]
            is_ours = is_reached and record.destination.is_same_experiment(index.tracking)
            if is_ours and not upload(waiting, index.tracking.connect):
                index.close(job_id)


def import_results(index: ResultIndex, missing: Sequence[str]) -> int:
    """Keep a journal of each result that the server has of jobs trained elsewhere; count them."""
    from src.tracking import mlflow_source

    found = 0
    if missing:
        for run in mlflow_source.finished(index.tracking.connect(), set(missing)):
            index.import_result(*run)
            found += 1
    return found


def look_elsewhere(conn: Connection, index: ResultIndex, missing: Sequence[str]) -> None:
    """Import results for a dry run."""
    conn.send(import_results(index, missing) if _connect(index) else 0)


def _print(line: str) -> None:
    with suppress(*OUTPUT_CLOSED):
        Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)
