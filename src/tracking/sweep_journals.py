"""The journals of a sweep: its own and its jobs', whatever else lies in its folder."""

from collections.abc import Callable, Mapping

from src.tracking.job_record import JobRecord, fold, fold_readable
from src.tracking.journal import Journal, journals
from src.tracking.repair import end_if_gone

SEARCHES = "searches"  # the folder of a tuned sweep's searches, below its own


class SweepJournals:
    """The journals of the sweep whose own is `sweep`, found as they come to be."""

    def __init__(self, sweep: Journal) -> None:
        self.sweep = sweep
        self.jobs: dict[int, Journal] = {}  # by the job's number in the sweep
        self.parents: list[Journal] = []  # of a tuned sweep: searches, parents of trials
        self.passed: set[str] = set()  # folders that need no look any more
        self._sweep_id: str | None = None

    @property
    def sweep_id(self) -> str | None:
        """The `job_id` of the sweep; None before it has begun."""
        self._sweep_id = self._sweep_id or _tags(self.sweep).get("job")
        return self._sweep_id

    def find(self) -> list[Journal]:
        """Return the sweep's journal, then those of its jobs that have begun."""
        for journal in journals(self.sweep.folder, self.passed):
            folder, tags = str(journal.folder), _tags(journal)
            if tags and folder != str(self.sweep.folder):
                self.passed.add(folder)
                is_own = self.sweep_id is not None and tags.get("sweep") == self.sweep_id
                if is_own and "number" in tags:
                    self.jobs[int(tags["number"])] = journal
                elif is_own:
                    self.parents.append(journal)
        return [self.sweep, *self.parents, *self.jobs.values()]

    def get(self, number: int) -> Journal | None:
        """Return the journal of a job; the folder of its number is tried first."""
        if number not in self.jobs:
            likely = Journal(self.sweep.folder / str(number))
            tags = _tags(likely)
            if "number" in tags and tags.get("sweep") == self.sweep_id:
                self.jobs[int(tags["number"])] = likely
                self.passed.add(str(likely.folder))
        if number not in self.jobs:
            self.find()
        return self.jobs.get(number)

    def records(self) -> list[JobRecord]:
        """Return the records of the jobs that have begun, in the order of the sweep."""
        return self._each(fold)

    def searches(self) -> list[JobRecord]:
        """Return the records of the arms of a tuned sweep."""
        self.find()
        return [record for parent in self.parents if (record := fold(parent))]

    def end_gone_jobs(self) -> list[JobRecord]:
        """Return them after the jobs of killed processes were ended."""
        records = self._each(end_if_gone)
        for parent in self.parents:
            end_if_gone(parent)
        return records

    def _each(self, read: Callable[[Journal], JobRecord | None]) -> list[JobRecord]:
        self.find()
        return [record for _, job in sorted(self.jobs.items()) if (record := read(job))]


def _tags(journal: Journal) -> Mapping[str, str]:
    """Return the tags of the first start; none of a journal that cannot be read yet."""
    start = fold_readable(journal, is_start=True)
    return start.tags if start else {}
