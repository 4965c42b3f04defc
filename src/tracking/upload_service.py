"""The uploads of a run or a sweep, by a process beside it that answers requests in turn."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from src.messages import logs
from src.process.scheduler import ProcessState
from src.tracking import elsewhere, embedded, mlflow_results, mlflow_source, program
from src.tracking.connection import Connection
from src.tracking.job_record import JobRecord, Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end, end_if_gone, goes_on
from src.tracking.result_index import ResultIndex
from src.tracking.store import Store
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader import HEARTBEAT, RETRY_SECONDS, Uploader, missing_note, upload

POLL_SECONDS = 0.1
WITHOUT = "All goes on, and `python -m src.sync` sends it later."


class UploadService:
    """Requests to the process, each a method; `connect` is the first."""

    index: ResultIndex  # once it is connected
    connection: Connection  # the same
    journals: SweepJournals  # once it watches

    def __init__(self) -> None:
        self.is_connected = self.is_watching = self.is_delivered = False
        self.preparation = Thread(target=program.prepare, daemon=True)

    def connect(self, index: ResultIndex, verbose: Any) -> None:
        """Connect to the index's experiment; a server that has answered before may be away.

        `verbose` is Hydra's setting. Raises InputError where the server never answered, so that a
        wrong address is told before training.
        """
        logs.show(verbose)
        self.index, self.is_connected = index, True
        self.connection = Connection(
            index.tracking.connect, lambda: WITHOUT if index.was_reached() else ""
        )
        self.connection.reach()

    def close_abandoned(self) -> None:
        """End the journals of this machine's dead processes; send what they had not sent."""
        close_abandoned(self.index, self.connection)

    def has_others(self) -> bool:
        """Return whether the server may have results that are not known here."""
        known_index = "" if self.index.has_lost() else self.index.name
        return self.connection.reach() and mlflow_results.has_others(self.connection(), known_index)

    def import_results(self, missing: Collection[str], variants: Collection[str]) -> list[str]:
        """Keep journals of the results that the server has; return their fingerprints.

        `missing` are the fingerprints to look for; `variants` are digests that narrow the search.
        """
        if not self.connection.reach():
            return []
        has_lost = any(self.index.folders(fingerprint) for fingerprint in missing)
        known_index = "" if has_lost else self.index.name
        store = self.connection()
        found = list(mlflow_results.finished(store, missing, variants, known_index))
        for run in found:
            self.index.import_result(*run)
        return [fingerprint for fingerprint, *_ in found]

    def fetch_jobs(self, numbers: Collection[int]) -> None:
        """Keep journals of a sweep's jobs that ran where its folder is not seen.

        `numbers` are those of the jobs whose journals are there.
        """
        if (sweep_id := self.journals.sweep_id) is None:
            return
        folder, tracking = self.journals.sweep.folder, self.index.tracking
        for record in elsewhere.fetch(tracking, folder, sweep_id, numbers):
            if record.status == Status.FINISHED:
                self.index.add(record.fingerprint, record.journal)

    def watch(self, folder: Path, jobs: int | None = None) -> None:
        """Send what the run or the sweep in `folder` writes, from now on.

        Once so many `jobs` have begun, so that no further one waits, it gets ready to make models.
        """
        self.journals, self.is_watching = SweepJournals(Journal(folder)), True

        def find() -> list[Journal]:
            found, has_begun = self.journals.find(), self.journals.sweep.path.exists()
            if has_begun:
                (folder / HEARTBEAT).touch()
            if jobs is not None and has_begun and len(self.journals.jobs) >= jobs:
                self.prepare_models()
            return found

        self.uploader = Uploader(find, self.index.tracking.connect)

    def send_now(self) -> None:
        """Begin to send what is written by now, without waiting for the next turn."""
        self.uploader.flush(0.0, wait=0.0)

    def deliver(self) -> str:
        """Send the rest after the end; return where it is to be seen, "" if nowhere yet."""
        self.is_delivered = True
        journal = self.journals.sweep
        error, record = self.uploader.flush(), fold(journal)
        if error and record:
            logs.to_stderr(missing_note(error, journal))
        elif record and record.has_ended:
            self.index.close(record.job_id)
        embedded.complete(self.index.tracking.uri)
        if error or record is None or record.run_id is None:
            return ""
        location = mlflow_source.report_location if record.is_sweep else mlflow_source.run_location
        return location(self.index.tracking.connect(), record.run_id)

    def prepare_models(self) -> None:
        """Begin to import what the export of models needs, once."""
        with suppress(RuntimeError):  # it has begun, or there is no further thread and it can wait
            self.preparation.start()

    def with_runs(self, function: Callable[[Store, Sequence[JobRecord]], Any]) -> Any:
        """Return what a function makes of the store and of the runs that were delivered."""
        if self.preparation.ident:
            self.preparation.join()  # torch.export serves one thread at a time
        own = fold(self.journals.sweep)
        records = self.journals.records() if own and own.is_sweep else [own] if own else []
        found = function(self.index.tracking.connect(), records)
        embedded.complete(self.index.tracking.uri)
        return found

    def end(self) -> None:
        """Finish for a process that has not asked for the delivery, such as one that was killed."""
        if self.is_watching and not self.is_delivered:
            self._end_killed(self.journals)
            self.deliver()
        elif self.is_connected:
            embedded.complete(self.index.tracking.uri)
        if self.is_watching:
            self.uploader.stop()
            (self.journals.sweep.folder / HEARTBEAT).unlink(missing_ok=True)

    def _end_killed(self, journals: SweepJournals) -> None:
        """Wait until the processes that write are gone or done, and end what they could not."""
        deadline = time.monotonic() + RETRY_SECONDS
        own = Journal(journals.sweep.folder)
        if goes_on(own):
            return
        while time.monotonic() < deadline and any(
            not record.has_ended and record.process == ProcessState.RUNNING
            for record in [fold(own), *journals.records()]
            if record
        ):
            time.sleep(POLL_SECONDS)
        journals.end_gone_jobs()
        if (record := end_if_gone(own)) and record.status == Status.RUNNING:
            end(own, Status.KILLED, "its process was gone")


def close_abandoned(index: ResultIndex, connect: Callable[[], Store]) -> None:
    """End the journals of this machine's dead processes, and send what they had not sent."""
    for job_id, folder in list(index.opened()):
        journal = Journal(folder)
        record = end_if_gone(journal)
        if record is None and not journal.is_readable:  # its owner's next sweep ends it
            continue
        if record is None or record.job_id != job_id:  # removed, or another's by now
            index.close(job_id)
        elif record.has_ended and record.process != ProcessState.RUNNING:
            own = SweepJournals(journal)
            jobs = own.end_gone_jobs() if record.is_sweep else []
            waiting = [journal, *own.parents, *(job.journal for job in jobs if job.has_ended)]
            is_ours = record.destination.is_same_experiment(index.tracking)
            if is_ours and not upload(waiting, connect):
                index.close(job_id)
