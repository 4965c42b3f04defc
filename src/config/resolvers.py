"""The resolvers of conf/, functions that its values call: `${root:outputs}`."""

import inspect
import os
import time
from collections.abc import Callable

from omegaconf import OmegaConf

from src.folders import ROOT

# What `from_data` may name: the keys of `src.training.network.facts`.
FROM_DATA = ("classes", "input_shape", "image_size", "channels", "features", "updates")


def register_resolvers() -> None:
    """Register the resolvers of conf: `root` is a path below the folder that holds outputs.

    `stamp` is unique to a process, `env` a variable of the environment, or a default where that is
    unset or empty. `from_data` is a value that the job puts in its place.
    """
    register_resolver("root", lambda path: str(ROOT / path))
    register_resolver("env", lambda name, default: os.environ.get(name) or default)
    register_resolver("stamp", stamp, use_cache=True)
    register_resolver("from_data", _from_data)


def register_resolver(name: str, resolver: Callable, use_cache: bool = False) -> None:
    """Register a resolver in place of one before; OmegaConf 2.4 has renamed its function."""
    register: Callable[..., None] = OmegaConf.register_resolver
    if "replace" not in inspect.signature(register).parameters:
        register = OmegaConf.register_new_resolver
    register(name, resolver, use_cache=use_cache, replace=True)


def _from_data(name: str) -> str:
    if name not in FROM_DATA:
        allowed = ", ".join(FROM_DATA)
        raise ValueError(f"${{from_data:{name}}}: unknown; must be one of {allowed}")
    return f"${{from_data:{name}}}"


def stamp() -> str:
    """Return the time as the name of a directory, unique even within a second."""
    return time.strftime("%Y-%m-%d_%H-%M-%S_") + os.urandom(3).hex()
