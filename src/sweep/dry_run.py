"""The dry run of a sweep: what would become of each job and why, and nothing done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from src.config.resolved import Identity, Resolved
from src.config.schema import NON_IDENTITY_KEYS, covers
from src.config.variant import unseeded
from src.sweep.decisions import Planned
from src.tracking.job_record import Action, JobRecord
from src.tracking.result_index import Decision, ResultIndex

MAX_CHANGES = 3  # shown of what makes a job another one
MAX_ROWS = 20  # lines, of jobs or else of variants


@dataclass(frozen=True)
class PlannedAction:
    """Action for a job, and the reason to train it again; "" if it never was trained."""

    action: Action
    reason: str = ""


def plan(
    index: ResultIndex, jobs: Sequence[Planned], decided: Mapping[str, Decision]
) -> Iterator[PlannedAction]:
    """Yield the plan of each job; a job that equals an earlier one is reused from that.

    `decided` holds the decisions by fingerprint.
    """
    planned: set[str] = set()
    for each in jobs:
        fingerprint = each.identity.fingerprint
        decision = decided[fingerprint]
        if not each.job.config.nested["reuse"]:
            yield PlannedAction(decision.action, "reuse=false")
        elif fingerprint in planned:
            yield PlannedAction(Action.REUSE)
        else:
            is_new = decision.action == Action.TRAIN
            earlier = index.last_typed(each.typed) if is_new else None
            yield PlannedAction(decision.action, _changes(each.job.config, each.identity, earlier))
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


def show(plans: Iterable[PlannedAction], labels: Sequence[Sequence[str]]) -> None:
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


def _rows(
    plans: Sequence[PlannedAction], labels: Sequence[Sequence[str]]
) -> Counter[tuple[str, str, str]]:
    pairs = zip(plans, labels, strict=True)
    return Counter((plan.action, " ".join(label), plan.reason) for plan, label in pairs)
