"""Decisions on the jobs of a sweep before any begins: made, shown by a dry run, and recorded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from src.config.resolved import Identity, Resolved
from src.config.schema import NON_IDENTITY_KEYS, covers
from src.config.variant import unseeded
from src.sweep.compose import Composed
from src.tracking.job_record import Action, JobRecord
from src.tracking.journal import Journal
from src.tracking.result_index import Decision, ResultIndex
from src.tracking.run_logger import cached_start, record_cached
from src.tracking.uploader_process import start_uploader

MAX_VARIANTS = 50  # more are asked for all at once
MAX_CHANGES = 3  # shown of what makes a job another one
MAX_ROWS = 20  # lines of a dry run, of jobs or else of variants


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


@dataclass(frozen=True)
class Plan:
    """Action for a job, and the reason to train it again; "" if it never was trained."""

    action: Action
    reason: str = ""


def plan(
    index: ResultIndex, jobs: Sequence[Planned], decided: Mapping[str, Decision]
) -> Iterator[Plan]:
    """Yield the plan of each job; a job that equals an earlier one is reused from that.

    `decided` holds the decisions by fingerprint.
    """
    planned: set[str] = set()
    for each in jobs:
        fingerprint = each.identity.fingerprint
        decision = decided[fingerprint]
        if not each.job.config.nested["reuse"]:
            yield Plan(decision.action, "reuse=false")
        elif fingerprint in planned:
            yield Plan(Action.REUSE)
        else:
            is_new = decision.action == Action.TRAIN
            earlier = index.last_typed(each.typed) if is_new else None
            yield Plan(decision.action, _changes(each.job.config, each.identity, earlier))
        planned.add(fingerprint)


def _changes(config: Resolved, identity: Identity, earlier: JobRecord | None) -> str:
    """Return what differs from an earlier job of the same overrides: keys, data, files of code."""
    if earlier is None or earlier.identity is None:
        return ""
    changed = identity.changes_since(earlier.identity)
    if "config" in changed:
        own, former = config.flat, earlier.params
        keys = [k for k in sorted({*own, *former}) if own.get(k) != former.get(k)]
        changed = [*(k for k in keys if not covers(NON_IDENTITY_KEYS, k)), *changed[1:]]
    shown = ", ".join(changed[:MAX_CHANGES]) + (", …" if len(changed) > MAX_CHANGES else "")
    return f"changed: {shown}" if shown else ""


def show(plans: Iterable[Plan], labels: Sequence[Sequence[str]]) -> None:
    """Print what would become of each job, or of many of each variant; then how many are what.

    A label is the overrides of a job that vary.
    """
    plans = list(plans)
    rows = _rows(plans, labels)
    if len(rows) > MAX_ROWS:
        rows = _rows(plans, [unseeded(label) for label in labels])
    for (action, label, reason), count in islice(rows.items(), MAX_ROWS):
        times = f"{count} x " if count > 1 else ""
        label = label or "that differ in seed alone"
        print(f"{action:7} {times}{label}" + (f"  ({reason})" if reason else ""))
    if len(rows) > MAX_ROWS:
        print(f"… and {len(rows) - MAX_ROWS} lines more, of other variants")
    counts = Counter(each.action for each in plans)
    print(", ".join(f"{counts[action]} to {action}" for action in Action))


def _rows(plans: Sequence[Plan], labels: Sequence[Sequence[str]]) -> Counter[tuple[str, str, str]]:
    pairs = zip(plans, labels, strict=True)
    return Counter((plan.action, " ".join(label), plan.reason) for plan, label in pairs)
