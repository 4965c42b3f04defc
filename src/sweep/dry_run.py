"""The dry run of a sweep: what would become of each job, and nothing done."""

from collections import Counter
from collections.abc import Iterator, Sequence

from src.tracking.job_record import Action
from src.tracking.result_index import ResultIndex


def show(actions: Sequence[Action], labels: Sequence[str]) -> None:
    """Print for each job whether it would be reused, resumed or trained."""
    for action, label in zip(actions, labels, strict=True):
        print(f"{action:7} {label}")
    counts = Counter(actions)
    print(", ".join(f"{counts[action]} to {action}" for action in Action))


def plan(index: ResultIndex, fingerprints: Sequence[str], reuse: bool) -> Iterator[Action]:
    """Yield what would become of each job; one that equals a job before it is reused from that."""
    planned: set[str] = set()
    for fingerprint in fingerprints:
        if not reuse:
            yield Action.TRAIN
        elif fingerprint in planned:
            yield Action.REUSE
        else:
            yield index.decide(fingerprint).action
        planned.add(fingerprint)
