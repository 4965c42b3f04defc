"""One job: cfg -> parts -> fit -> tracking."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from src import artifacts, provenance
from src.config import Resolved, resolve
from src.fit import evaluate, fit
from src.journal import Journal
from src.parts import Parts, build, load_splits
from src.progress import result_table, shown
from src.recording import logged, recorded
from src.selection import Result, keep_best
from src.sender import Sender
from src.streams import stream

if TYPE_CHECKING:
    from src.tracking import Store


def run(cfg: DictConfig) -> float:
    """Train and record one job; its best validation error, which a sweeper may minimise.

    Raises InputError, before anything is recorded, when a part cannot be made.
    """
    hydra = HydraConfig.get()
    config = resolve(cfg, hydra.runtime.choices)
    threads = _threads(config.tree["threads"])
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    parts = build(config, load_splits(config))
    name = job_name(config, list(hydra.overrides.task))
    journal = Journal(Path(hydra.runtime.output_dir))
    sender = Sender(journal, partial(_open_store, config.tree["tracking"]))
    with recorded(sender, name=name, **_start(config, parts, threads)):
        result = train(parts, config, name, sender)
        figures = result.figures | _test_error(parts, result)
        sender.append("metrics", step=result.history[-1].epoch, values=figures)
        artifacts.write(journal.folder / "artifacts", parts, result, config.tree["figures"])
        sender.append("files", path="artifacts")
        sender.append("end", status="FINISHED", tags={"outcome": result.outcome})
    Console().print(result_table(name, figures))
    return figures.get("best/val_error", float("inf"))


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


def _start(config: Resolved, parts: Parts, threads: int) -> dict:
    """The fields of the event that opens the job's journal."""
    splits, device = parts.splits, parts.splits.train.images.device
    tags = {
        "variant": config.variant,
        "seed": config.flat["seed"],
        "fingerprint": config.fingerprint(splits.digest, threads, device.type),
        "split": splits.split_digest,
        "job": os.urandom(8).hex(),
        **provenance.tags(),
    }
    if parent := config.tree["sweep"]["run_id"]:
        tags["mlflow.parentRunId"] = parent
    params = config.flat | {"threads": str(threads), "device.type": str(device)}
    sets = {"train": splits.train, "val": splits.val, "test": splits.test}
    sizes = {name: len(split) for name, split in sets.items() if split}
    return {
        "tags": tags,
        "params": params,
        "dataset": {"name": splits.name, "digest": splits.digest, **sizes},
    }


def _threads(asked: str | int) -> int:
    if asked != "auto":
        return asked
    return int(os.environ.get("OMP_NUM_THREADS") or provenance.cores())


def _open_store(settings: dict[str, str]) -> "Store":
    from src import tracking

    return tracking.connect(settings["uri"], settings["experiment"], settings["artifacts"])
