"""The dry run of a sweep: what would become of each job and why, and nothing done."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.config import Identity, Resolved
from src.tracking.job_record import Action, JobRecord
from src.tracking.result_index import ResultIndex

MAX_CHANGES = 3  # shown of what makes a job another one


@dataclass(frozen=True)
class Plan:
    """Action for a job, and the reason to train it again; "" if it never was trained."""

    action: Action
    reason: str = ""


def plan(
    index: ResultIndex,
    configs: Sequence[Resolved],
    identities: Sequence[Identity],
    typed: Sequence[Sequence[str]],
) -> Iterator[Plan]:
    """Yield what would become of each job; one that equals a job before it is reused from that.

    `typed` are the jobs' overrides.
    """
    planned: set[str] = set()
    for config, identity, overrides in zip(configs, identities, typed, strict=True):
        if not config.tree["reuse"]:
            yield Plan(Action.TRAIN, "reuse=false")
        elif identity.fingerprint in planned:
            yield Plan(Action.REUSE)
        else:
            action = index.decide(identity.fingerprint).action
            earlier = index.last_typed(overrides) if action == Action.TRAIN else None
            yield Plan(action, _changes(config, identity, earlier))
        planned.add(identity.fingerprint)


def _changes(config: Resolved, identity: Identity, earlier: JobRecord | None) -> str:
    """Return what differs from an earlier job of the same overrides: keys, data, files of code."""
    if earlier is None or earlier.identity is None:
        return ""
    changed = identity.changes_since(earlier.identity)
    if "config" in changed:
        own, former = config.flat, earlier.params
        keys = [k for k in sorted({*own, *former} - {"threads"}) if own.get(k) != former.get(k)]
        changed = [*(k for k in keys if not k.startswith("device")), *changed[1:]]
    shown = ", ".join(changed[:MAX_CHANGES]) + (", …" if len(changed) > MAX_CHANGES else "")
    return f"changed: {shown}" if shown else ""


def show(plans: Sequence[Plan], labels: Sequence[str]) -> None:
    """Print for each job whether it would be reused, resumed or trained."""
    for each, label in zip(plans, labels, strict=True):
        print(f"{each.action:7} {label}" + (f"  ({each.reason})" if each.reason else ""))
    counts = Counter(each.action for each in plans)
    print(", ".join(f"{counts[action]} to {action}" for action in Action))
