"""One job: cfg -> parts -> fit -> tracking."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from src import artifacts, commands
from src.config import Resolved, resolve
from src.errors import InputError
from src.progress import result_table, shown
from src.tracking import recording
from src.tracking.lock import locked
from src.tracking.recording import Tracker, logged, recorded
from src.training.checkpoint import Checkpoint
from src.training.selection import Result, keep_best
from src.training.setup import Components, Environment, build, prepare


@dataclass(frozen=True)
class Job:
    """What is trained where, and what the tracking server is told of it, by whom."""

    config: Resolved
    place: Environment
    opening: dict[str, Any]  # the fields of its journal's first event
    tracker: Tracker


def run(cfg: DictConfig) -> float:
    """Train and record one job; its best validation error, which a sweeper may minimise.

    Raises InputError when a part cannot be made.
    """
    hydra = HydraConfig.get()
    config, folder = resolve(cfg, hydra.runtime.choices), Path(hydra.runtime.output_dir)
    overrides = list(hydra.overrides.task)
    if config.tree["sweep"]["run_id"] is None:
        return _single(config, folder, overrides)
    return _of_sweep(config, folder, overrides, hydra.job.num)


def _single(config: Resolved, folder: Path, overrides: Sequence[str]) -> float:
    """Train a job that is no part of a sweep; of one that cannot be made nothing is recorded."""
    try:
        place = prepare(config)
        parts = build(config, place)
    except InputError:
        with suppress(OSError):  # the folder is not empty
            folder.rmdir()  # Hydra made it, and nothing came of it
        raise
    opening = recording.opening(config, place, overrides, None)
    value = _train(Job(config, place, opening, recording.tracker(folder, config.tree)), parts)
    print(f"MLflow: {commands.ui(config.tree['tracking']['uri'])}")
    return value


def _of_sweep(config: Resolved, folder: Path, overrides: Sequence[str], number: int) -> float:
    """Take the job from where it was trained before, go on where it was cut off, or train it."""
    tracker = recording.tracker(folder, config.tree)
    try:
        place = prepare(config)
    except InputError:
        with recorded(tracker, **recording.identity(config, overrides, number)):
            raise
    opening = recording.opening(config, place, overrides, number)
    if (value := recording.finished(tracker, opening)) is not None:
        return value
    job = Job(config, place, opening, tracker)
    if not config.tree["reuse"]:
        return _train(job)
    fingerprint = opening["tags"]["fingerprint"]
    path = checkpoint_path(config, fingerprint)
    with locked(path):
        if source := tracker.find(fingerprint):
            path.unlink(missing_ok=True)  # whoever made the result may not have lived to do so
            return recording.adopt(tracker, opening, source)
        return _train(job, path=path)


def checkpoint_path(config: Resolved, fingerprint: str) -> Path:
    """Where a job of a sweep keeps what it needs to go on."""
    return Path(config.tree["checkpoints"]) / f"{fingerprint}.pt"


def _train(job: Job, parts: Components | None = None, path: Path | None = None) -> float:
    """Train and record a job; `path` is where it keeps its checkpoint."""
    tracker, folder = job.tracker, job.tracker.journal.folder / "artifacts"
    with recorded(tracker, **job.opening):
        parts = parts or build(job.config, job.place)
        checkpoint = parts.checkpoint(path) if path else None
        result = _fitted(job, parts, checkpoint)
        summary = result.summary | parts.test(result.weights)
        pictures = job.config.tree["figures"]
        artifacts.write(folder, parts.model, parts.splits, result, pictures)
        (folder / "config.yaml").write_text(job.config.yaml)
        tracker.append("final", step=result.history[-1].epoch, values=summary)
        tracker.append("files", path="artifacts")
        tracker.append("end", status="FINISHED", tags={"outcome": result.outcome})
    if checkpoint:
        checkpoint.remove()
    Console().print(result_table(job.opening["name"], summary, result.outcome))
    return summary.get("best/val_error", float("inf"))


def _fitted(job: Job, parts: Components, checkpoint: Checkpoint | None) -> Result:
    """Train to the end, from where the checkpoint was left; each epoch is recorded and shown."""
    tree = job.config.tree
    earlier, weights = checkpoint.load() if checkpoint else ([], None)
    epochs = parts.epochs(job.config, done=len(earlier))
    return keep_best(
        shown(logged(epochs, job.tracker, earlier), tree["epochs"], job.opening["name"]),
        parts.model,
        tree["patience"],
        earlier=earlier,
        weights=weights,
        save=checkpoint.save if checkpoint else None,
    )
