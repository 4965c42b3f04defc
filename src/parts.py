"""The parts of a training, made from the resolved config."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from src.config import Resolved
from src.data import Splits
from src.errors import InputError
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


def load_splits(config: Resolved) -> Splits:
    """The data that the config names, on its device."""
    with _blaming(config, "device"):
        device = instantiate(config.tree["device"])
    with _blaming(config, "data"):
        data = {key: value for key, value in config.tree["data"].items() if key != "fallback"}
        return instantiate(data).to(device)


def build(config: Resolved, splits: Splits) -> Parts:
    """Everything else; the weights are drawn from their own stream.

    Raises InputError naming the group whose arguments torch refuses.
    """
    tree, seed, device = config.tree, config.tree["seed"], splits.train.images.device
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
