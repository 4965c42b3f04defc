"""Results of earlier sweeps instead of training the same again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from src import records
from src.errors import InputError
from src.metrics import SUMMARY, Epoch

if TYPE_CHECKING:
    from src.relay import Relayed
    from src.sender import Sender
    from src.tracking import Store


@dataclass(frozen=True)
class Source:
    """A finished run that trained what is asked for."""

    run_id: str
    outcome: str
    epochs: Sequence[Epoch]
    summary: Mapping[str, float]  # what is tracked once, at the end


def find(
    connect: Callable[[], "Store"], fingerprint: str, with_sweep: bool = False
) -> dict[str, Source]:
    """A finished run of the same fingerprint, by that fingerprint; none if no server answers.

    `with_sweep` brings all finished jobs of its sweep, in as few queries: who wants one of them
    will mostly want the others.
    """
    from src import tracking

    try:
        store = connect()
        found = records.finished(store, fingerprint)
        if found and with_sweep and (parent := found[0].data.tags.get("mlflow.parentRunId")):
            found += records.finished_jobs(store, parent)
        return _sources(store, found)
    except (InputError, *tracking.UNREACHABLE):
        return {}


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


def adopt(sender: "Sender | Relayed", opening: Mapping[str, Any], source: Source) -> float:
    """Record a job as what `source` found; its best validation error."""
    tags = {**opening["tags"], "reused_from": source.run_id}
    history = [{"step": epoch.epoch, "values": epoch.metrics} for epoch in source.epochs]
    sender.append("start", **{**opening, "tags": tags})
    sender.append("history", epochs=history)
    sender.append("final", step=source.epochs[-1].epoch, values=source.summary)
    sender.append("end", status="FINISHED", tags={"outcome": source.outcome})
    sender.close()
    return source.summary.get("best/val_error", float("inf"))
