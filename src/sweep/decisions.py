"""Decisions on the jobs of a sweep before any begins: which results there are already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from src.config.resolved import Identity
from src.sweep.compose import Composed
from src.tracking.job_record import Action
from src.tracking.journal import Journal
from src.tracking.result_index import Decision, ResultIndex
from src.tracking.run_logger import cached_start, record_cached
from src.tracking.uploader_process import start_uploader

TO_TRAIN = Decision(Action.TRAIN)
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

    Nothing is decided with `reuse=false`.
    """
    wanted = {each.identity.fingerprint: each for each in jobs if each.job.config.tree["reuse"]}
    decided = {fingerprint: index.decide(fingerprint) for fingerprint in wanted}
    if missing := [fingerprint for fingerprint, each in decided.items() if each.source is None]:
        variants = {wanted[fingerprint].variant for fingerprint in missing}
        named = list(variants) if len(variants) <= MAX_VARIANTS else []
        found = start_uploader().call("import_results", set(missing), named)
        decided |= {fingerprint: index.decide(fingerprint) for fingerprint in found}
    return decided


def record_reused(
    index: ResultIndex,
    sweep: Mapping[str, Any],
    decided: Mapping[str, Decision],
    jobs: Sequence[Planned],
) -> None:
    """Write the complete journal of each job whose result is known, before any job begins."""
    for number, each in enumerate(jobs):
        source, folder = decided.get(each.identity.fingerprint, TO_TRAIN).source, each.job.folder
        if source is not None and folder is not None:
            tree = each.job.config.tree
            config = replace(each.job.config, tree={**tree, "sweep": {**tree["sweep"], **sweep}})
            start = cached_start(config, each.identity, source, each.typed, number)
            record_cached(Journal(folder), start, source)
            index.add(each.identity.fingerprint, Journal(folder), each.typed)
