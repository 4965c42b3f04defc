"""Decisions on the jobs of a sweep before any begins: which results there are already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from src.config.resolved import Identity
from src.config.variant import unseeded
from src.sweep.compose import Composed
from src.tracking.journal import Journal
from src.tracking.result_index import Decision, ResultIndex
from src.tracking.run_logger import cached_start, record_cached
from src.tracking.uploader_process import start_uploader

MAX_VARIANTS = 50  # more are asked for all at once


@dataclass(frozen=True)
class Planned:
    """A job before any of its sweep begins."""

    job: Composed
    identity: Identity
    typed: Sequence[str]  # its overrides
    label: Sequence[str]  # those of them that vary

    @property
    def variant(self) -> str:
        """The digest of its variant."""
        return self.job.config.variant(self.identity.data).rpartition(" ")[2]


def decide(index: ResultIndex, jobs: Sequence[Planned]) -> dict[str, Decision]:
    """Return by fingerprint what becomes of jobs; of those without result the server is asked.

    With `reuse=false` all are trained.
    """
    wanted = {each.identity.fingerprint: each for each in jobs}
    if not all(each.job.config.nested["reuse"] for each in jobs):
        return {name: index.decide(name, None, reuse=False) for name in wanted}
    decided = {name: index.decide(name, index.checkpoint(name)) for name in wanted}
    if missing := [name for name, each in decided.items() if each.source is None]:
        lacking = (wanted[name] for name in missing)
        alike = {(*unseeded(each.label), each.identity.data): each for each in lacking}
        few = list(alike.values()) if len(alike) <= MAX_VARIANTS else []
        variants = sorted({each.variant for each in few})
        found = start_uploader().attempt("import_results", set(missing), variants)
        decided |= {name: index.decide(name, index.checkpoint(name)) for name in found}
    return decided


def record_reused(
    index: ResultIndex,
    sweep: Mapping[str, Any],
    decided: Mapping[str, Decision],
    jobs: Sequence[Planned],
) -> None:
    """Write the complete journal of each job whose result is known, before any job begins."""
    for number, each in enumerate(jobs):
        source, folder = decided[each.identity.fingerprint].source, each.job.folder
        if source is not None and folder is not None:
            nested = each.job.config.nested
            config = replace(
                each.job.config, nested={**nested, "sweep": {**nested["sweep"], **sweep}}
            )
            start = cached_start(config, each.identity, source, each.typed, number)
            record_cached(Journal(folder), start, source)
            index.add(each.identity.fingerprint, Journal(folder), each.typed)
