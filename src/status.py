"""The state of a run, and how its training ended."""

from enum import StrEnum


class Status(StrEnum):
    """The state of a run, in MLflow's words; RUNNING as long as its journal has no end."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"  # waits in a scheduler's queue for its next attempt
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Outcome(StrEnum):
    """The end of a run."""

    UNKNOWN = ""
    FINISHED = "finished"
    STOPPED = "stopped"  # early, for want of a better epoch
    DIVERGED = "diverged"  # a loss is no longer a number
    FAILED = "failed"
    KILLED = "killed"
