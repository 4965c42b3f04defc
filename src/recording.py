"""What a job tells the tracking server: what it is, each epoch, and truthfully how it ended."""

import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from src import provenance
from src.config import Resolved
from src.data.splits import Splits
from src.metrics import Epoch
from src.sender import Sender
from src.signals import interruptible


@dataclass(frozen=True)
class Place:
    """On what data, where and with how many CPU threads a job computes."""

    splits: Splits
    device: torch.device
    threads: int

    def fingerprint(self, config: Resolved) -> str:
        """What this place and the config make of the job's identity."""
        return config.fingerprint(self.splits.digest, self.threads, self.device.type)


def opening(config: Resolved, place: Place) -> dict[str, Any]:
    """Tags, params and dataset: the fields of the event that opens a job's journal."""
    splits = place.splits
    tags = {
        "variant": config.variant,
        "seed": config.flat["seed"],
        "fingerprint": place.fingerprint(config),
        "split": splits.split_digest,
        "job": os.urandom(8).hex(),
        **provenance.tags(),
    }
    if parent := config.tree["sweep"]["run_id"]:
        tags["mlflow.parentRunId"] = parent
    sets = {"train": splits.train, "val": splits.val, "test": splits.test}
    sizes = {name: len(split) for name, split in sets.items() if split}
    circumstances = {"threads": str(place.threads), "device.type": str(place.device)}
    return {
        "tags": tags,
        "params": config.flat | circumstances,
        "dataset": {"name": splits.name, "digest": splits.digest, **sizes},
    }


@contextmanager
def recorded(sender: Sender, **start: Any) -> Iterator[None]:
    """Record the job's start, and its end where the body does not live to do so.

    A job that is tried again in the same directory goes on in the same MLflow run.
    """
    first = next(sender.journal.events(), None)
    if first:
        start["tags"]["job"] = first["tags"]["job"]
    sender.append("start", **start)
    try:
        with interruptible():
            yield
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt)
        folder = sender.journal.folder / "artifacts"
        folder.mkdir(exist_ok=True)
        (folder / "traceback.txt").write_text(traceback.format_exc())
        sender.append("files", path="artifacts")
        reason = f"{type(error).__name__}: {error}"[:500]
        tags = {"outcome": "killed" if killed else "failed", "reason": reason}
        sender.append("end", status="KILLED" if killed else "FAILED", tags=tags)
        raise
    finally:
        sender.close()


def logged(
    epochs: Iterator[Epoch], sender: Sender, earlier: Sequence[Epoch] = ()
) -> Iterator[Epoch]:
    """Record each epoch as it passes, and before them the `earlier` ones that are not yet."""
    known = {event.get("step") for event in sender.journal.events() if event["event"] == "metrics"}
    for epoch in chain(earlier, epochs):
        if epoch.epoch not in known:
            sender.append("metrics", step=epoch.epoch, values=epoch.metrics)
        if epoch not in earlier:
            yield epoch
