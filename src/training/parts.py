"""What one job trains, and with what, made of its resolved config: where cfg ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from src import hardware
from src.config import SHARED_GROUPS, Resolved
from src.data.splits import Splits
from src.errors import InputError
from src.metrics import Epoch
from src.streams import global_stream, seed_globally, stream
from src.training.checkpoint import Checkpoint
from src.training.eager import unwrap_optimizers
from src.training.fit import evaluate, fit
from src.training.selection import Weights

unwrap_optimizers()


@dataclass(frozen=True)
class Place:
    """On what data, where and with how many CPU threads a job computes."""

    splits: Splits
    device: torch.device
    threads: int

    def fingerprint(self, config: Resolved) -> str:
        """What this place and the config make of the job's identity."""
        return config.fingerprint(self.splits.digest, self.threads, self.device.type)


@dataclass(frozen=True)
class Parts:
    """A model and all that its training needs."""

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
        """Put the best epoch's weights into the model; its test error, read here and once.

        Nothing where there are no such weights, or no labelled test set.
        """
        test = self.splits.test
        if weights is None:
            return {}
        self.model.load_state_dict(weights)
        if test is None or test.labels is None:
            return {}
        return {"test/error": evaluate(self.model, test, self.loss)[1]}


def prepare(config: Resolved) -> Place:
    """Where the job computes and on what data, which is what its fingerprint needs."""
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
        return Place(instantiate(data).to(device), device, threads)


def build(config: Resolved, place: Place) -> Parts:
    """Make the parts; weights, and what training itself draws, come from streams of their own.

    Raises InputError naming the group whose arguments are refused.
    """
    tree, seed, splits = config.tree, config.tree["seed"], place.splits
    for group in filter(tree.__contains__, SHARED_GROUPS):
        with _blaming(config, group):
            _check_factory(instantiate(tree[group]))
    with _blaming(config, "model"), global_stream(seed, "initialisation"):
        model = instantiate(tree["model"], classes=splits.classes, _convert_="all")
        model = model.to(place.device)
    with _blaming(config, "optimizer"):
        optimizer = instantiate(tree["optimizer"], _convert_="all")(model.parameters())
    with _blaming(config, "schedule"):
        schedule = instantiate(tree["schedule"])(optimizer)
    with _blaming(config, "loss"):
        loss = instantiate(tree["loss"])
    seed_globally(seed, "training")
    return Parts(splits, model, optimizer, schedule, loss, stream(seed, "batch order"))


def _check_factory(part: object) -> None:
    if isinstance(part, nn.Module):
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
