"""Results of earlier sweeps, found so that nothing is trained twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from src.errors import InputError
from src.metrics import SUMMARY, Epoch
from src.tracking import records

if TYPE_CHECKING:
    from src.tracking.client import Store


@dataclass(frozen=True)
class Source:
    """A finished run that trained what is asked for."""

    run_id: str
    outcome: str
    epochs: Sequence[Epoch]
    summary: Mapping[str, float]  # what is tracked once, at the end


def find(
    connect: Callable[[], "Store"], fingerprint: str, with_sweep: bool = False
) -> dict[str, Source] | None:
    """A finished run of the same fingerprint, by that fingerprint; None if no server answers.

    `with_sweep` brings all finished jobs of its sweep, in as few queries: who wants one of them
    will mostly want the others.
    """
    from src.tracking import client

    try:
        store = connect()
        found = records.finished(store, fingerprint)
        if found and with_sweep and (parent := found[0].data.tags.get("mlflow.parentRunId")):
            found += records.finished_jobs(store, parent)
        return _sources(store, found)
    except (InputError, *client.UNREACHABLE):
        return None


def _sources(store: "Store", found: Sequence[Any]) -> dict[str, Source]:
    runs = records.read(store, found)
    return {
        record.data.tags["fingerprint"]: Source(
            run_id=record.data.tags.get("reused_from", run.run_id),
            outcome=run.outcome,
            epochs=run.epochs,
            summary={k: v for k, v in record.data.metrics.items() if k.startswith(SUMMARY)},
        )
        for record, run in zip(found, runs, strict=True)
    }
