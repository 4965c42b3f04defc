"""Decisions on the jobs of a sweep before any begins: which results there are already."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from src.config import Identity
from src.sweep.compose import Composed
from src.tracking.job_record import Action
from src.tracking.journal import Journal
from src.tracking.result_index import Decision, ResultIndex
from src.tracking.run_logger import cached_start, record_cached
from src.tracking.uploader_process import start_uploader

NOTHING = Decision(Action.TRAIN)
MAX_VARIANTS = 50  # of which a server is asked one by one


def decide(
    index: ResultIndex,
    jobs: Sequence[Composed],
    identities: Sequence[Identity],
    labels: Sequence[Sequence[str]],
) -> dict[str, Decision]:
    """Return by fingerprint what becomes of jobs; of those without result the server is asked.

    A label is the overrides of a job that vary. Nothing is decided with `reuse=false`.
    """
    if not jobs[0].config.tree["reuse"]:
        return {}
    wanted = {identity.fingerprint: number for number, identity in enumerate(identities)}
    decided = {fingerprint: index.decide(fingerprint) for fingerprint in wanted}
    if missing := [fingerprint for fingerprint, each in decided.items() if each.source is None]:
        numbers = [wanted[fingerprint] for fingerprint in missing]
        variants = _variants(jobs, labels, numbers)
        found = start_uploader().call("import_results", set(missing), variants)
        decided |= {fingerprint: index.decide(fingerprint) for fingerprint in found}
    return decided


def _variants(
    jobs: Sequence[Composed], labels: Sequence[Sequence[str]], numbers: Iterable[int]
) -> list[str]:
    """Return the digests of the variants of some jobs, and none where these are many."""
    unseeded = {tuple(o for o in labels[n] if not o.startswith("seed=")): n for n in numbers}
    if len(unseeded) > MAX_VARIANTS:
        return []
    return list({jobs[n].config.variant.rpartition(" ")[2]: n for n in unseeded.values()})


def record_reused(
    index: ResultIndex,
    sweep: Mapping[str, Any],
    decided: Mapping[str, Decision],
    planned: Iterable[tuple[Composed, Identity, Sequence[str]]],
) -> None:
    """Write the whole journals of jobs that earlier ones make needless, before any is begun."""
    for number, (job, identity, typed) in enumerate(planned):
        source = decided.get(identity.fingerprint, NOTHING).source
        if source is not None and job.folder is not None:
            tree = job.config.tree
            config = replace(job.config, tree={**tree, "sweep": {**tree["sweep"], **sweep}})
            journal = Journal(job.folder)
            record_cached(journal, cached_start(config, identity, source, typed, number), source)
            index.add(identity.fingerprint, journal, typed)
