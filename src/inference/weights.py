"""Models made from a run's config and its weights; only this project's own parts are made.

A run may come from elsewhere, so its config must not name what it likes: a target such as
`os.system` would run.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from src.config.hydra_internals import trust_config
from src.config.resolved import targets
from src.config.schema import MODEL_GROUPS
from src.errors import InputError
from src.folders import CODE
from src.messages.error_text import told_as
from src.training.network import facts, filled_in, make, normalized
from src.training.selection import Weights


@lru_cache(maxsize=4)
def own_targets(groups: tuple[str, ...] = ("normalize", *MODEL_GROUPS)) -> frozenset[str]:
    """Return every target that conf names in these groups."""
    files = [file for group in groups for file in (CODE / "conf" / group).glob("*.yaml")]
    return frozenset(t for file in files for t in targets(yaml.safe_load(file.read_bytes())))


def check_targets(name: str, nested: object, allowed: Collection[str]) -> None:
    """Raise InputError where a config from outside names a target that is not `allowed`.

    Interpolations are refused as well: OmegaConf's `oc.create` would make targets from text.
    """
    for target in targets(nested):
        if target not in allowed:
            raise InputError(f"{name}: names {target}, which is no part of this project's conf")
    if "${" in json.dumps(nested):
        raise InputError(f"{name}: its config must be resolved; it holds ${{…}}")


def read_config(file: Path) -> Mapping[str, Any]:
    """Return the config of a run. Raises InputError for what is no mapping."""
    with told_as(f"{file}: no YAML"):
        nested = yaml.safe_load(file.read_bytes())
    if not isinstance(nested, dict) or not isinstance(nested.get("model"), dict):
        raise InputError(f"{file}: no config of a run: it has no model")
    return nested


def read_weights(file: Path) -> Weights:
    """Return a state dict. Raises InputError for a file that holds anything else."""
    with told_as(f"{file}: no weights"):
        weights = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        raise InputError(f"{file}: no weights: must be a mapping of names to tensors")
    return weights


def build(
    name: str,
    nested: Mapping[str, Any],
    weights: Weights,
    input_shape: Sequence[int],
    classes: int,
    allowed: Collection[str] = (),
) -> nn.Module:
    """Return the model of a run's config with its weights, ready to predict on the CPU.

    Its parts are those of this project's conf, or `allowed`. Raises InputError for another, or for
    weights of another model.
    """
    own = {group: nested[group] for group in ("model", "normalize") if group in nested}
    own = filled_in(own, facts(input_shape, classes))
    check_targets(name, own, own_targets().union(allowed))
    telling = told_as(f"{name}: its model cannot be made")
    with telling, trust_config(), torch.random.fork_rng(devices=[]):
        parts = {group: make(config, input_shape, classes) for group, config in own.items()}
        model = normalized(parts.get("normalize", nn.Identity()), parts["model"])
        model.load_state_dict(weights)
    return model.eval()
