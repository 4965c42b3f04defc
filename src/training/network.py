"""The network of a config, and what a config leaves to the data: the number of classes, for one.

A config names these as `${from_data:classes}`; a module that has an argument `classes` or
`input_shape` is given it without that.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.utils import instantiate
from torch import nn

from src.config.resolvers import FROM_DATA
from src.training.instantiation import parameters


def facts(input_shape: Sequence[int], classes: int, updates: int | None = None) -> dict[str, Any]:
    """Return the value of each name in FROM_DATA; `updates` are those of a whole training."""
    shape = list(input_shape)
    values = (classes, shape, shape[1:], shape[0], math.prod(shape), updates)
    return dict(zip(FROM_DATA, values, strict=True))


def filled_in(node: Any, known: Mapping[str, Any]) -> Any:
    """Return a config with the values in place of their names."""
    if isinstance(node, Mapping):
        return {key: filled_in(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [filled_in(value, known) for value in node]
    if isinstance(node, str) and node.startswith("${from_data:"):
        return known[node[len("${from_data:") : -1]]
    return node


def make(group: Mapping[str, Any], input_shape: Sequence[int], classes: int) -> Any:
    """Make the module of a group's config, for examples (N, *input_shape).

    Raises what the module raises, or Hydra's InstantiationException.
    """
    known = facts(input_shape, classes)
    arguments = _arguments(group)
    offered = ("classes", "input_shape")
    own = {key: known[key] for key in offered if key in arguments and key not in group}
    return instantiate(filled_in(group, known), **own, _convert_="all")


def _arguments(group: Mapping[str, Any]) -> Sequence[str]:
    if "_target_" not in group:
        return ()
    return tuple(parameters(group["_target_"]))


def normalized(normalize: nn.Module, model: nn.Module) -> nn.Module:
    """Return the model behind its normalisation; itself where there is none."""
    return model if isinstance(normalize, nn.Identity) else nn.Sequential(normalize, model)
