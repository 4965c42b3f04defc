"""The record of a job or a sweep, folded from its journal: works offline and after a crash."""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from src.config.resolved import Identity
from src.config.schema import PUBLISHED_KEYS
from src.config.variant import factors
from src.metrics import BEST_VAL_ERROR, VAL_ERROR, Epoch, Run, defined
from src.process import identity, scheduler
from src.process.scheduler import ProcessState
from src.status import Outcome, Status
from src.tracking.event import IDENTITY, Action, Event, EventKind, Parent, Role
from src.tracking.journal import Journal
from src.tracking.settings import TrackingSettings, moved

SEARCH_TAGS = {"answer": "search"}  # of a sweep whose sweeper looks for the best settings
LEFT = "checkpoint"  # tag of a trial that stops early: the name of what its next rung goes on from
NOWHERE = Path("/nonexistent")  # the folder of a journal that is not kept

log = logging.getLogger(__name__)


def _tag(name: str) -> property:
    """Return the property of a record that is one of its tags, "" where it has none."""

    def read(record: "JobRecord") -> str:
        return record.tags.get(name, "")

    return property(read)


@dataclass
class JobRecord:
    """A job or a sweep, as its journal tells."""

    journal: Journal
    run_id: str | None  # MLflow's; None while unknown
    name: str = ""
    status: Status = Status.RUNNING
    action: Action = Action.TRAIN
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    tracking: Mapping[str, str] = field(default_factory=dict)
    identity: Identity | None = None  # None for jobs before November 2026, and for sweeps
    by_step: dict[int, dict[str, float]] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    last_epoch: int = 0  # of a job that finished
    correct: str = ""  # validation examples that the kept model gets right, see `predictions`
    has_files: bool = False  # sent, or to be sent, to the tracking server
    looks: list[Event] = field(default_factory=list)  # of a sweep
    start_time: int = 0  # milliseconds since the epoch of Unix

    job_id = _tag("job")  # the job's own name, the same for every attempt at it
    fingerprint = _tag("fingerprint")
    reason = _tag("reason")  # why the job did not finish

    @property
    def outcome(self) -> Outcome:
        """The end of its training; UNKNOWN before."""
        return Outcome(self.tags.get("outcome", Outcome.UNKNOWN))

    @property
    def sweep_id(self) -> str | None:
        """The `job_id` of the sweep that the job belongs to; formerly MLflow's id of it."""
        return self.tags.get("sweep") or self.tags.get("mlflow.parentRunId")

    @property
    def number(self) -> int:
        """The job's place in its sweep; after all others for a job that could not begin."""
        return int(self.tags.get("number", 2**62))

    @property
    def role(self) -> Role:
        return Role(self.tags.get("role", Role.REPORTED))

    @property
    def is_sweep(self) -> bool:
        return self.tags.get("kind") == Parent.SWEEP

    @property
    def has_ended(self) -> bool:
        """True if the job neither runs nor is to be tried again by its scheduler."""
        return self.status not in (Status.RUNNING, Status.SCHEDULED)

    @property
    def is_search(self) -> bool:
        """True for the parent of an arm's trials."""
        return self.tags.get("kind") == Parent.SEARCH

    @property
    def has_failed(self) -> bool:
        """True if the job ended without a result."""
        return self.status in (Status.FAILED, Status.KILLED)

    @property
    def is_whole(self) -> bool:
        """True if the job finished, and no damage cost its journal an epoch or its summary."""
        has_all = self.last_epoch > 0 and {*self.by_step} == {*range(1, self.last_epoch + 1)}
        return self.status == Status.FINISHED and has_all

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs in order; of one that was trained twice, the later."""
        return tuple(Epoch.of(step, self.by_step[step]) for step in sorted(self.by_step))

    @property
    def best_val_error(self) -> float:
        """The validation error of the kept epoch; infinite for a job that diverged."""
        has_diverged = self.outcome is Outcome.DIVERGED
        return math.inf if has_diverged else self.summary.get(BEST_VAL_ERROR, math.inf)

    @property
    def objective(self) -> float:
        """The figure for sweepers; trials of a tuned sweep are ranked by error in any case."""
        by_error = self.role is Role.TRIAL or self.params.get("select_by", VAL_ERROR) == VAL_ERROR
        return self.best_val_error if by_error else self.run.objective

    @property
    def process(self) -> ProcessState:
        """The state of the process that keeps the journal."""
        is_here = self.tags.get("machine") == identity.machine_id()
        if is_here and identity.is_alive(self.tags.get("process", "")):
            return ProcessState.RUNNING
        if job := self.tags.get("scheduler_job"):
            return scheduler.state(job)
        return ProcessState.ENDED if is_here else ProcessState.UNKNOWN

    @property
    def destination(self) -> TrackingSettings:
        """The experiment that the journal is to be sent to.

        A database and artifacts in an outputs folder that was moved or copied went along.
        """
        then, now = self.tags.get("folder"), self.journal.folder.absolute()
        return TrackingSettings.of(moved(self.tracking, Path(then or now), now))

    @property
    def run(self) -> Run:
        """The record as a comparison takes it."""
        published = {key: self.params.get(f"published.{key}", "null") for key in PUBLISHED_KEYS}
        return Run(
            run_id=self.run_id or self.job_id,
            name=self.name,
            status=self.status,
            outcome=self.outcome,
            seed=int(self.params.get("seed", -1)),
            config=factors(self.params, self.dataset.get("digest", "")),
            dataset=self.dataset.get("name", ""),
            digest=self.dataset.get("digest", ""),
            split=self.tags.get("split", ""),
            arm=self.tags.get("arm", ""),
            epochs=self.epochs,
            summary=self.summary,
            published={key: float(error) for key, error in published.items() if error != "null"},
            code=self.identity.code if self.identity else {},
            metrics=defined(self.params),
            selected_by=self.params.get("select_by", VAL_ERROR),
            chance=1 - 1 / int(self.tags.get("classes", 10)),
        )

    def apply(self, event: Event) -> None:
        """Let one event, of those that `parse` lets pass, change the record."""
        kind = EventKind(event["event"])
        self.tags |= event.get("tags", {})
        if kind == EventKind.START:  # again, for another attempt
            self.name, self.status = event["name"], Status.RUNNING
            self.action = Action(event.get("action", Action.TRAIN))
            self.params = event.get("params", {})
            self.dataset, self.tracking = event.get("dataset", {}), event.get("tracking", {})
            if known := event.get("identity"):
                self.identity = Identity(*(known[field] for field in IDENTITY))
            self.start_time = self.start_time or event["time"]
        elif kind == EventKind.METRICS:
            self.by_step[event["step"]] = event["values"]
        elif kind == EventKind.HISTORY:
            self.by_step |= {epoch["step"]: epoch["values"] for epoch in event["epochs"]}
        elif kind == EventKind.FINAL:
            self.summary |= event["values"]
            self.last_epoch = event.get("step", 0)
            self.correct = event.get("correct", "")
        elif kind == EventKind.LOOK:
            self.looks.append(event)
        elif kind == EventKind.FILES:
            self.has_files = True
        elif kind == EventKind.REQUEUED:
            self.status = Status.SCHEDULED
        elif kind == EventKind.END:
            self.status = Status(event["status"])


def fold(journal: Journal) -> JobRecord | None:
    """Return a journal's record, None before its start. Raises OSError if it cannot be read."""
    return fold_events(journal, journal.events(), journal.sent.run_id)


def fold_readable(journal: Journal, is_start: bool = False) -> JobRecord | None:
    """Return a journal's record, or that of its start alone.

    None also where it cannot be read, such as another user's.
    """
    try:
        starts = (event for event in journal.events() if event["event"] == EventKind.START)
        events = islice(starts, 1) if is_start else journal.events()
        return fold_events(journal, events, journal.sent.run_id)
    except OSError:
        log.debug("%s: not read", journal.path, exc_info=True)
        return None


def fold_events(journal: Journal, events: Iterable[Event], run_id: str | None) -> JobRecord | None:
    """Return the record of these events; the journal is where they lie, or would."""
    record = JobRecord(journal, run_id)
    has_begun = False
    for event in events:
        has_begun |= event["event"] == EventKind.START
        record.apply(event)
    return record if has_begun else None
