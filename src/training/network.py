"""The network of a config, and what a config leaves to the data: the number of classes, for one.

A config names these as `${from_data:classes}`; a module that has an argument `classes` or
`input_shape` is given it without that.
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from pydoc import ErrorDuringImport, locate
from typing import Any, cast

from hydra.utils import instantiate
from torch import nn


def facts(input_shape: Sequence[int], classes: int, updates: int | None = None) -> dict[str, Any]:
    """Return what is known of the data, by name; `updates` are those of a whole training."""
    return {
        "classes": classes,
        "input_shape": [*input_shape],
        "image_size": [*input_shape[1:]],
        "channels": input_shape[0],
        "features": math.prod(input_shape),
        "updates": updates,
    }


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
    arguments = parameters(group["_target_"]) if "_target_" in group else ()
    offered = ("classes", "input_shape")
    own = {key: known[key] for key in offered if key in arguments and key not in group}
    return instantiate(filled_in(group, known), **own, _convert_="all")


def parameters(target: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of what a target names; none where that is nothing, or tells none."""
    try:  # Hydra's own look-up would log what its instantiation tells again
        return inspect.signature(cast(Any, locate(target))).parameters
    except (TypeError, ValueError, ErrorDuringImport):
        return {}


def normalized(normalize: nn.Module, model: nn.Module) -> nn.Module:
    """Return the model behind its normalisation; itself where there is none."""
    return model if isinstance(normalize, nn.Identity) else nn.Sequential(normalize, model)
