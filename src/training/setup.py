"""Setup of a job: its environment and its components, made from the resolved config."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from src import code_digest, hardware
from src.code_digest import SNAPSHOT
from src.config import SHARED_GROUPS, Identity, Resolved
from src.data.splits import Splits
from src.errors import InputError
from src.metrics import TEST_ERROR, Epoch
from src.rng import global_stream, seed_globally, stream
from src.training.checkpoint import Checkpoint
from src.training.eager import unwrap_optimizers
from src.training.fit import evaluate, fit
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
    schedule: torch.optim.lr_scheduler.LRScheduler
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
    with _blaming(config, "device"):
        device = instantiate(config.tree["device"])
    with _blaming(config, "data"):
        data = {key: value for key, value in config.tree["data"].items() if key != "fallback"}
        return Environment(instantiate(data).to(device), device, threads, code)


def build(config: Resolved, environment: Environment) -> Components:
    """Make the components; weights, and what training itself draws, come from own streams.

    Raises InputError naming the group with refused arguments.
    """
    tree, seed, splits = config.tree, config.tree["seed"], environment.splits
    for group in filter(tree.__contains__, SHARED_GROUPS):
        with _blaming(config, group):
            _check_factory(instantiate(tree[group]))
    with _blaming(config, "model"), global_stream(seed, "initialisation"):
        model = instantiate(tree["model"], classes=splits.classes, _convert_="all")
        model = model.to(environment.device)
    with _blaming(config, "optimizer"):
        optimizer = instantiate(tree["optimizer"], _convert_="all")(model.parameters())
    with _blaming(config, "schedule"):
        schedule = instantiate(tree["schedule"])(optimizer)
    with _blaming(config, "loss"):
        loss = instantiate(tree["loss"])
    seed_globally(seed, "training")
    return Components(splits, model, optimizer, schedule, loss, stream(seed, "batch order"))


def _check_factory(component: object) -> None:
    if isinstance(component, nn.Module):
        raise ValueError("one module is no factory for all layers: `_partial_: true` is missing")


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


# Workers fork from a process that has imported this module: all of them, also those that start
# after an edit, run the code that was digested here.
SNAPSHOT.import_parts()
