"""The comparison of a sweep's jobs: read from the server, written, and sent back to it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src import records
from src.compare import Comparison, ComparisonError, compare, write
from src.errors import InputError

if TYPE_CHECKING:
    from src.tracking import Store

SHOWN_TAGS = {"command": "Command", "versions": "Versions", "git_commit": "Commit"}


def answer(store: "Store", jobs: Sequence[Any], settings: Mapping[str, Any]) -> Comparison:
    """Compare the runs that MLflow's records `jobs` name; `settings` is the config's `compare`.

    Raises InputError when they cannot be compared.
    """
    try:
        return compare(
            records.read(store, jobs),
            baseline=settings["baseline"],
            margin=settings["margin"] / 100,
            target_error=settings["target_error"],
            question=settings["question"],
            correct=partial(records.correct, store),
        )
    except ComparisonError as error:
        raise InputError(str(error)) from error


def events(
    comparison: Comparison, folder: Path, provenance: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Write report, tables and figures into `folder`/artifacts; what the journal is to hold."""
    target = folder / "artifacts" / "comparison"
    target.mkdir(parents=True, exist_ok=True)
    write(comparison, target, provenance)
    yield {"event": "files", "path": "artifacts"}
    yield {"event": "metrics", "step": 0, "values": comparison.metrics}
    yield {"event": "tags", "tags": comparison.tags}
