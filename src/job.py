"""One job: cfg -> parts -> fit -> tracking."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from torch import nn

from src import artifacts, commands, provenance, recording, reuse
from src.checkpoint import Checkpoint
from src.claim import claimed
from src.config import Resolved, resolve
from src.data.splits import Splits
from src.eager import unwrap_optimizers
from src.errors import InputError
from src.fit import evaluate, fit
from src.progress import result_table, shown
from src.recording import Place, logged, recorded
from src.relay import Relayed
from src.selection import Result, keep_best
from src.sender import Sender
from src.streams import global_stream, stream

unwrap_optimizers()


@dataclass(frozen=True)
class Parts:
    """What is trained, and with what."""

    splits: Splits
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    loss: nn.Module
    order: torch.Generator

    def checkpoint(self, path: Path) -> Checkpoint:
        """Where their state is kept while they are trained."""
        state = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return Checkpoint(path, state, self.order)


def run(cfg: DictConfig) -> float:
    """Train and record one job; its best validation error, which a sweeper may minimise.

    A job of a sweep that was trained before is taken from there, and one that was cut off goes
    on. Raises InputError when a part cannot be made; of a single job nothing is then recorded.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    config = resolve(cfg, hydra.runtime.choices)
    tree = config.tree
    name = recording.job_name(config, hydra.overrides.task)
    is_single = tree["sweep"]["run_id"] is None
    try:
        place = prepare(config)
        parts = build(config, place) if is_single else None  # before anything is recorded of it
    except InputError:
        if is_single:
            with suppress(OSError):  # other things lie there
                folder.rmdir()  # Hydra made it, and nothing came of it
            raise
        with recorded(recording.sender(folder, tree), name=name, **recording.identity(config)):
            raise
    sender = recording.sender(folder, tree)
    opening = recording.opening(config, place) | {"name": name}
    if is_single:
        return _train(config, place, sender, opening, parts)
    opening["tags"]["number"] = str(hydra.job.num)
    if not tree["reuse"]:
        return _train(config, place, sender, opening)
    fingerprint = opening["tags"]["fingerprint"]
    path = checkpoint_path(config, fingerprint)
    with claimed(path):
        if source := sender.find(fingerprint):
            path.unlink(missing_ok=True)  # whoever made the result may not have lived to do so
            return reuse.adopt(sender, opening, source)
        return _train(config, place, sender, opening, path=path)


def checkpoint_path(config: Resolved, fingerprint: str) -> Path:
    """Where a job of a sweep keeps what it needs to go on."""
    return Path(config.tree["checkpoints"]) / f"{fingerprint}.pt"


def _train(
    config: Resolved,
    place: Place,
    sender: Sender | Relayed,
    opening: dict[str, Any],
    parts: Parts | None = None,
    path: Path | None = None,
) -> float:
    tree, name, folder = config.tree, opening["name"], sender.journal.folder
    with recorded(sender, **opening):
        parts = parts or build(config, place)
        checkpoint = parts.checkpoint(path) if path else None
        result = train(parts, config, name, sender, checkpoint)
        summary = result.summary | _test_error(parts, result)
        artifacts.write(folder / "artifacts", parts.model, parts.splits, result, tree["figures"])
        (folder / "artifacts" / "config.yaml").write_text(config.yaml)
        sender.append("final", step=result.history[-1].epoch, values=summary)
        sender.append("files", path="artifacts")
        sender.append("end", status="FINISHED", tags={"outcome": result.outcome})
    if checkpoint:
        checkpoint.remove()
    Console().print(result_table(name, summary, result.outcome))
    if tree["sweep"]["run_id"] is None:
        print(f"MLflow: {commands.ui(tree['tracking']['uri'])}")
    return summary.get("best/val_error", float("inf"))


def prepare(config: Resolved) -> Place:
    """Where the job computes and on what data, which is what its fingerprint needs."""
    threads = config.tree["threads"]
    if threads == "auto":
        threads = int(os.environ.get("OMP_NUM_THREADS") or provenance.cores())
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # what else sets it imports torch's compiler
    with _blaming(config, "device"):
        device = instantiate(config.tree["device"])
    with _blaming(config, "data"):
        data = {key: value for key, value in config.tree["data"].items() if key != "fallback"}
        return Place(instantiate(data).to(device), device, threads)


def build(config: Resolved, place: Place) -> Parts:
    """Make the parts; the weights are drawn from a stream of their own.

    Raises InputError naming the group whose arguments are refused.
    """
    tree, seed, splits = config.tree, config.tree["seed"], place.splits
    with _blaming(config, "model"), global_stream(seed, "initialisation"):
        model = instantiate(tree["model"], classes=splits.classes, _convert_="all")
        model = model.to(place.device)
    with _blaming(config, "optimizer"):
        optimizer = instantiate(tree["optimizer"], _convert_="all")(model.parameters())
    with _blaming(config, "schedule"):
        schedule = instantiate(tree["schedule"])(optimizer)
    with _blaming(config, "loss"):
        loss = instantiate(tree["loss"])
    return Parts(splits, model, optimizer, schedule, loss, stream(seed, "batch order"))


@contextmanager
def _blaming(config: Resolved, group: str) -> Iterator[None]:
    try:
        yield
    except (InstantiationException, TypeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, InputError):
            raise cause from error
        reason = " ".join(str(cause or error).split())
        raise InputError(f"{group}={config.choices.get(group)}: {reason}") from error


def train(
    parts: Parts,
    config: Resolved,
    name: str,
    sender: Sender | Relayed,
    checkpoint: Checkpoint | None,
) -> Result:
    """Train to the end, from where the checkpoint was left; each epoch is recorded and shown."""
    tree = config.tree
    earlier, weights = checkpoint.load() if checkpoint else ([], None)
    epochs = fit(
        parts.model,
        parts.optimizer,
        parts.splits,
        loss=parts.loss,
        schedule=parts.schedule,
        order=parts.order,
        epochs=range(len(earlier) + 1, tree["epochs"] + 1),
        batch_size=tree["batch_size"],
        clip_norm=tree["clip_norm"],
        diagnostics=tree["diagnostics"],
    )
    epochs = shown(logged(epochs, sender, earlier), tree["epochs"], name)
    save = checkpoint.save if checkpoint else None
    return keep_best(
        epochs, parts.model, tree["patience"], earlier=earlier, weights=weights, save=save
    )


def _test_error(parts: Parts, result: Result) -> dict[str, float]:
    """The test set is read here and once, with the weights of the best validation epoch."""
    test = parts.splits.test
    if result.weights is None:
        return {}
    parts.model.load_state_dict(result.weights)
    if test is None or test.labels is None:
        return {}
    return {"test/error": evaluate(parts.model, test, parts.loss)[1]}
