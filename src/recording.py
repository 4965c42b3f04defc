"""What a job tells the tracking server: what it is, each epoch, and truthfully how it ended."""

import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from src import provenance
from src.config import Resolved
from src.data.splits import Splits
from src.metrics import Epoch
from src.sender import Sender


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


def opening(config: Resolved, splits: Splits, threads: int, device: torch.device) -> dict[str, Any]:
    """Tags, params and dataset: the fields of the event that opens a job's journal."""
    tags = {
        "variant": config.variant,
        "seed": config.flat["seed"],
        "fingerprint": config.fingerprint(splits.digest, threads, device.type),
        "split": splits.split_digest,
        "job": os.urandom(8).hex(),
        **provenance.tags(),
    }
    if parent := config.tree["sweep"]["run_id"]:
        tags["mlflow.parentRunId"] = parent
    sets = {"train": splits.train, "val": splits.val, "test": splits.test}
    sizes = {name: len(split) for name, split in sets.items() if split}
    return {
        "tags": tags,
        "params": config.flat | {"threads": str(threads), "device.type": str(device)},
        "dataset": {"name": splits.name, "digest": splits.digest, **sizes},
    }


@contextmanager
def recorded(sender: Sender, **start: Any) -> Iterator[None]:
    """Record the job's start, and its end where the body does not live to do so."""
    sender.append("start", **start)
    try:
        with _terminable():
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


def logged(epochs: Iterator[Epoch], sender: Sender) -> Iterator[Epoch]:
    """Record each epoch as it passes."""
    for epoch in epochs:
        sender.append("metrics", step=epoch.epoch, values=epoch.metrics)
        yield epoch


@contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated("SIGTERM")

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
