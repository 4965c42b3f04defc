"""Setup of a job: its environment and its components, made from the resolved config."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.utils import instantiate
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from src import code_digest, hardware
from src.code_digest import SNAPSHOT
from src.config import SHARED_GROUPS, Identity, Resolved
from src.data.splits import Splits
from src.metrics import TEST_ERROR, Epoch
from src.rng import global_stream, seed_globally, stream
from src.training.checkpoint import Checkpoint
from src.training.eager import unwrap_optimizers
from src.training.fit import evaluate, fit
from src.training.instantiation import blaming, require_factory, require_kind, require_loss
from src.training.selection import Weights

unwrap_optimizers()


@dataclass(frozen=True)
class Environment:
    """Data, device, number of CPU threads and code that a job computes with."""

    splits: Splits
    device: torch.device
    threads: int
    code: Mapping[str, str]  # file -> digest: see src.code_digest

    def identity(self, config: Resolved) -> Identity:
        """Return all that the result of `config` depends on here."""
        return config.identity(self.splits.digest, self.threads, self.device.type, self.code)


@dataclass(frozen=True)
class Components:
    """A model and all that its training needs."""

    splits: Splits
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    loss: nn.Module
    order: torch.Generator

    def checkpoint(self, path: Path) -> Checkpoint:
        """Return the keeper of their state at `path` while they are trained."""
        state = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return Checkpoint(path, state, self.order)

    def epochs(self, config: Resolved, done: int) -> Iterator[Epoch]:
        """Train as the config says, after the epochs that are `done`."""
        tree = config.tree
        return fit(
            self.model,
            self.optimizer,
            self.splits,
            loss=self.loss,
            schedule=self.schedule,
            order=self.order,
            epochs=range(done + 1, tree["epochs"] + 1),
            batch_size=tree["batch_size"],
            clip_norm=tree["clip_norm"],
            diagnostics=tree["diagnostics"],
        )

    def test(self, weights: Weights | None) -> dict[str, float]:
        """Put the best epoch's weights into the model; return its test error, read here and once.

        Return nothing without such weights or without a labelled test set.
        """
        test = self.splits.test
        if weights is None:
            return {}
        self.model.load_state_dict(weights)
        if test is None or test.labels is None:
            return {}
        return {TEST_ERROR: evaluate(self.model, test, self.loss)[1]}


def import_code(config: Resolved) -> dict[str, str]:
    """Import the modules of the config's targets; return the digests of the code that they run.

    Raises InputError if it differs from the sweep's.
    """
    SNAPSHOT.import_targets(config.targets)
    code = SNAPSHOT.digests(config.targets)
    code_digest.check_unchanged(code, config.tree["sweep"]["code"] or {})
    return code


def prepare(config: Resolved) -> Environment:
    """Return the job's environment, which its identity needs; set how torch computes.

    Raises InputError if the code differs from the sweep's, or data or device cannot be had.
    """
    code = import_code(config)
    threads = config.tree["threads"]
    if threads == "auto":
        threads = hardware.omp_threads() or hardware.cores()
    torch.set_num_threads(threads)
    # torch.use_deterministic_algorithms would do the same and import torch's compiler.
    torch.set_deterministic_debug_mode("error")
    with blaming(config, "device"):
        device = instantiate(config.tree["device"])
        require_kind(device, torch.device, "a torch.device")
    with blaming(config, "data"):
        data = {key: value for key, value in config.tree["data"].items() if key != "fallback"}
        splits = instantiate(data)
        require_kind(splits, Splits, "Splits")
        return Environment(splits.to(device), device, threads, code)


def build(config: Resolved, environment: Environment) -> Components:
    """Make the components; weights, and what training itself draws, come from own streams.

    Raises InputError naming the group with refused arguments.
    """
    tree, seed, splits = config.tree, config.tree["seed"], environment.splits
    for group in filter(tree.__contains__, SHARED_GROUPS):
        with blaming(config, group):
            require_factory(instantiate(tree[group]))
    with blaming(config, "model"), global_stream(seed, "initialisation"):
        model = instantiate(tree["model"], classes=splits.classes, _convert_="all")
        require_kind(model, nn.Module, "a torch.nn.Module")
        model = model.to(environment.device)
    with blaming(config, "optimizer"):
        optimizer = instantiate(tree["optimizer"], _convert_="all")(model.parameters())
        require_kind(optimizer, torch.optim.Optimizer, "a torch.optim.Optimizer")
    with blaming(config, "schedule"):
        schedule = instantiate(tree["schedule"])(optimizer)
        require_kind(schedule, LRScheduler, "a torch.optim.lr_scheduler.LRScheduler")
        inspect.signature(schedule.step).bind()  # nothing tells a schedule a metric
    with blaming(config, "loss"):
        loss = instantiate(tree["loss"])
        require_loss(loss)
    seed_globally(seed, "training")
    return Components(splits, model, optimizer, schedule, loss, stream(seed, "batch order"))


# Workers fork from a process that has imported this module: all of them, also those that start
# after an edit, run the code that was digested here.
SNAPSHOT.import_parts()
