"""What a sweep would do, without doing it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from src.config import Resolved

if TYPE_CHECKING:
    from src.tracking.client import Store


def show(store: "Store", jobs: Sequence[Resolved], labels: Sequence[str]) -> None:
    """Print for each job whether it would be reused, resumed or trained."""
    fates = list(_fates(store, jobs))
    for fate, label in zip(fates, labels, strict=True):
        print(f"{fate:7} {label}")
    counts = Counter(fates)
    print(", ".join(f"{counts[fate]} to {fate}" for fate in ("reuse", "resume", "train")))


def _fates(store: "Store", jobs: Sequence[Resolved]) -> Iterator[str]:
    """What would become of each: a job that equals one before it is reused from that."""
    from src import job
    from src.tracking import records
    from src.training import setup

    planned: set[str] = set()
    for config in jobs:
        fingerprint = setup.prepare(config).identity(config).fingerprint
        if not config.tree["reuse"]:
            yield "train"
        elif fingerprint in planned or records.finished(store, fingerprint):
            yield "reuse"
        else:
            yield "resume" if job.checkpoint_path(config, fingerprint).exists() else "train"
        planned.add(fingerprint)
