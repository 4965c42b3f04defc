"""What a sweep would do, without doing it."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from src.config import Resolved

if TYPE_CHECKING:
    from src.tracking import Store


def show(store: "Store", jobs: Sequence[Resolved], labels: Sequence[str]) -> None:
    """Print for each job whether it would be reused, resumed or trained."""
    fates = [_fate(store, config) for config in jobs]
    for fate, label in zip(fates, labels, strict=True):
        print(f"{fate:7} {label}")
    counts = Counter(fates)
    print(", ".join(f"{counts[fate]} to {fate}" for fate in ("reuse", "resume", "train")))


def _fate(store: "Store", config: Resolved) -> str:
    from src import job, records

    if not config.tree["reuse"]:
        return "train"
    fingerprint = job.prepare(config).fingerprint(config)
    if records.finished(store, fingerprint):
        return "reuse"
    return "resume" if job.checkpoint_path(config, fingerprint).exists() else "train"
