"""What became of jobs, by their journals: these tell without a server, and after a crash."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from src import process_identity
from src.tracking.journal import Journal, journals


@dataclass(frozen=True)
class Outcome:
    """How a job, or a sweep, ended."""

    journal: Journal
    name: str
    status: str  # MLflow's; RUNNING as long as the journal has no end
    reason: str  # why it did not finish
    owner: str  # the process that kept the journal, by its id and start
    process: str  # what became of that: alive, gone or, on another machine, unknown
    tracking: Mapping[str, str]  # the config's, which says where the journal is to go

    @property
    def has_failed(self) -> bool:
        """Whether it ended without a result."""
        return self.status in ("FAILED", "KILLED")


def outcome(journal: Journal) -> Outcome | None:
    """What the journal says; None when nothing has begun."""
    start, status, reason = None, "RUNNING", ""
    for event in journal.events():
        if event["event"] == "start":  # again, when it is tried again
            start, status, reason = event, "RUNNING", ""
        elif event["event"] == "end":
            status, reason = event["status"], event["tags"].get("reason", "")
    if start is None:
        return None
    tags = start["tags"]
    owner, process = tags.get("process", ""), "unknown"
    if tags.get("machine") == process_identity.machine_id():
        process = "alive" if process_identity.is_alive(owner) else "gone"
    where = start.get("tracking", {})
    return Outcome(journal, start["name"], status, reason, owner, process, where)


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Those of all journals in and below `folder`, in the order of their names."""
    for journal in sorted(journals(folder), key=lambda it: (len(it.folder.name), it.folder)):
        if found := outcome(journal):
            yield found


def settled(folder: Path) -> list[Outcome]:
    """The outcomes below `folder`, those of killed processes among them."""
    found = []
    for each in outcomes(folder):
        if each.status == "RUNNING" and each.process == "gone":
            close(each.journal, "KILLED", "its process was gone")
            each = outcome(each.journal)
        found.append(each)
    return found


def close(journal: Journal, status: str, reason: str) -> None:
    """Write the end that a process could not write itself."""
    journal.append("end", status=status, tags={"outcome": status.lower(), "reason": reason})
