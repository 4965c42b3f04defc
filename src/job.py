"""One job: cfg -> parts -> fit -> tracking."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from torch import nn

from src import artifacts, provenance
from src.config import Resolved, resolve
from src.data.splits import Splits
from src.errors import InputError
from src.fit import evaluate, fit
from src.journal import Journal
from src.progress import result_table, shown
from src.recording import logged, opening, recorded
from src.selection import Result, keep_best
from src.sender import Sender, open_store, ui_command
from src.streams import global_stream, stream


@dataclass(frozen=True)
class Parts:
    """What is trained, and with what."""

    splits: Splits
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    loss: nn.Module
    order: torch.Generator


def run(cfg: DictConfig) -> float:
    """Train and record one job; its best validation error, which a sweeper may minimise.

    Raises InputError, before anything is recorded, when a part cannot be made.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    config = resolve(cfg, hydra.runtime.choices)
    threads = _threads(config.tree["threads"])
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        device = build_device(config)
        parts = build(config, device)
    except InputError:
        folder.rmdir()  # Hydra made it, and nothing came of it
        raise
    name = job_name(config, list(hydra.overrides.task))
    sender = Sender(Journal(folder), partial(open_store, config.tree["tracking"]))
    with recorded(sender, name=name, **opening(config, parts.splits, threads, device)):
        result = train(parts, config, name, sender)
        figures = result.figures | _test_error(parts, result)
        sender.append("metrics", step=result.history[-1].epoch, values=figures)
        files = folder / "artifacts"
        artifacts.write(files, parts.model, parts.splits, result, config.tree["figures"])
        (files / "config.yaml").write_text(config.yaml)
        sender.append("files", path="artifacts")
        sender.append("end", status="FINISHED", tags={"outcome": result.outcome})
    Console().print(result_table(name, figures))
    if config.tree["sweep"]["run_id"] is None:
        print(f"MLflow: {ui_command(config.tree['tracking'])}")
    return figures.get("best/val_error", float("inf"))


def build_device(config: Resolved) -> torch.device:
    """The device that the config names."""
    with _blaming(config, "device"):
        return instantiate(config.tree["device"])


def build(config: Resolved, device: torch.device) -> Parts:
    """Make the parts; the weights are drawn from a stream of their own.

    Raises InputError naming the group whose arguments are refused.
    """
    tree, seed = config.tree, config.tree["seed"]
    with _blaming(config, "data"):
        data = {key: value for key, value in tree["data"].items() if key != "fallback"}
        splits = instantiate(data).to(device)
    with _blaming(config, "model"), global_stream(seed, "initialisation"):
        model = instantiate(tree["model"], classes=splits.classes, _convert_="all").to(device)
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


def train(parts: Parts, config: Resolved, name: str, sender: Sender) -> Result:
    """Train to the end; every epoch is recorded and shown as it happens."""
    tree = config.tree
    epochs = fit(
        parts.model,
        parts.optimizer,
        parts.splits,
        loss=parts.loss,
        schedule=parts.schedule,
        order=parts.order,
        epochs=range(1, tree["epochs"] + 1),
        batch_size=tree["batch_size"],
        clip_norm=tree["clip_norm"],
        diagnostics=tree["diagnostics"],
    )
    epochs = shown(logged(epochs, sender), tree["epochs"], name)
    return keep_best(epochs, parts.model, tree["patience"])


def _test_error(parts: Parts, result: Result) -> dict[str, float]:
    """The test set is read here and once, with the weights of the best validation epoch."""
    test = parts.splits.test
    if result.weights is None:
        return {}
    parts.model.load_state_dict(result.weights)
    if test is None or test.labels is None:
        return {}
    return {"test/error": evaluate(parts.model, test, parts.loss)[1]}


def job_name(config: Resolved, overrides: list[str]) -> str:
    """What varies in the sweep, as typed; of a single job its model, activation and seed."""
    sweep = config.tree["sweep"]
    if sweep["run_id"] is None:
        keys = ("model", "activation", "seed")
        return " ".join(f"{key}={config.flat[key]}" for key in keys if key in config.flat)
    varying = sweep["varying"]
    return " ".join(o for o in overrides if varying is None or o.split("=")[0] in varying)


def _threads(asked: str | int) -> int:
    if asked != "auto":
        return asked
    return int(os.environ.get("OMP_NUM_THREADS") or provenance.cores())
