"""From Hydra's cfg to the resolved config of one job: checked, flat, and with a fingerprint."""

import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from src import ROOT, sources
from src.credentials import redact
from src.errors import InputError
from src.schema import GROUPS, check, leaves

SHARED_GROUPS = ("activation", "init")  # a model refers to them, or does not use them
COPIES = tuple(f"model.{group}." for group in SHARED_GROUPS)
ASIDE = ("tracking", "sweep", "compare", "figures", "reuse", "dry_run", "checkpoints")
PLACES = ("data.root", "data.train", "data.test", "data.fallback")  # the digest stands for them


def register_resolvers() -> None:
    """`${root:path}` starts at the repository's root; `${stamp:}` is unique to a process start."""
    register_resolver("root", lambda path: str(ROOT / path))
    register_resolver("stamp", _stamp, use_cache=True)


def register_resolver(name: str, resolver: Callable, use_cache: bool = False) -> None:
    """Register a resolver in place of one before; OmegaConf 2.4 has renamed its function."""
    register = OmegaConf.register_resolver
    if "replace" not in inspect.signature(register).parameters:
        register = OmegaConf.register_new_resolver
    register(name, resolver, use_cache=use_cache, replace=True)


def _stamp() -> str:
    # Two sweeps that start in one second must not share a directory.
    return time.strftime("%Y-%m-%d_%H-%M-%S_") + os.urandom(3).hex()


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(part) for part in value]
    return redact(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Resolved:
    """One job's config as plain values, and the option that was chosen in each group."""

    tree: Mapping[str, Any]
    choices: Mapping[str, str]

    @property
    def flat(self) -> dict[str, str]:
        """Dotted keys and text; a group's own key holds its choice (`activation=relu`)."""
        pairs = flatten({k: v for k, v in self.tree.items() if k not in ASIDE})
        own = {key: value for key, value in pairs.items() if not key.startswith(COPIES)}
        return dict(sorted((self.choices | own).items()))

    @property
    def yaml(self) -> str:
        """The resolved config as a document, credentials taken out."""
        return OmegaConf.to_yaml(OmegaConf.create(_redacted(self.tree)))

    @property
    def variant(self) -> str:
        """What is compared, in one line: the options chosen and a digest without the seed."""
        own = {k: v for k, v in self._deciding.items() if k not in ("seed", "data.split_seed")}
        content = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
        return f"{' '.join(f'{k}={v}' for k, v in self.choices.items())} {content[:8]}"

    @property
    def _deciding(self) -> dict[str, str]:
        """What of the config decides the result."""
        return {
            key: value
            for key, value in self.flat.items()
            if key not in PLACES and not key.startswith("published")
        }

    def fingerprint(self, data_digest: str, threads: int, device: str) -> str:
        """Equal for two jobs exactly when they would train the same weights: 16 hex digits."""
        deciding = {k: v for k, v in self._deciding.items() if not k.startswith("device.")}
        deciding |= {"threads": str(threads), "device": device, "data": data_digest}
        deciding |= {"code": sources.of_training()}
        deciding |= {v: sources.of_target(v) for k, v in deciding.items() if k.endswith("_target_")}
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def flatten(tree: Mapping[str, Any]) -> dict[str, str]:
    """Dotted keys and text: words as they are, all else as JSON."""
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in leaves(tree)}


def asked(overrides: Sequence[str], aside: Sequence[str] = (*PLACES, *ASIDE)) -> list[str]:
    """Of overrides as they were typed those that are not about where data and results lie."""
    keys = [override.lstrip("+~").partition("=")[0] for override in overrides]
    below = tuple(f"{name}." for name in aside)
    pairs = zip(overrides, keys, strict=True)
    return [o for o, key in pairs if key not in aside and not key.startswith(below)]


def settings(overrides: Sequence[str]) -> dict[str, Any]:
    """The config's `tracking` and `compare` with `key=value` overrides, for tools beside a sweep.

    Raises InputError for a key or value that is not allowed.
    """
    register_resolvers()
    try:
        given = OmegaConf.from_dotlist(list(overrides))
        defaults = OmegaConf.load(ROOT / "conf" / "config.yaml")
        own = OmegaConf.create({key: defaults[key] for key in ("tracking", "compare")})
        OmegaConf.set_struct(own, True)
        tree = OmegaConf.to_container(OmegaConf.merge(own, given), resolve=True)
    except OmegaConfBaseException as error:
        raise InputError(" ".join(str(error).split())) from error
    check(tree)
    return tree


def resolve(cfg: DictConfig, choices: Mapping[str, str]) -> Resolved:
    """Check and resolve a job's cfg, Hydra's part aside; `choices` is its record of group options.

    A group that the model does not use is left out: softmax regression is the same variant
    whatever the activation. Raises InputError for the first key that is wrong.
    """
    try:
        tree = {str(key): _plain(cfg[key]) for key in cfg if key != "hydra"}
    except MissingMandatoryValue as error:
        raise InputError(f"{error.full_key}: must be given") from error
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {' '.join(str(error).split())}") from error
    check(tree)
    unused = [group for group in SHARED_GROUPS if group not in tree["model"]]
    tree = {key: value for key, value in tree.items() if key not in unused}
    if tree["sweep"]["fallback"] and tree["data"].get("fallback"):
        tree["data"], choices = _fallen_back(tree, choices)
        tree["published"] = None  # of other data
    return Resolved(tree, _chosen(tree, choices))


def _plain(value: Any) -> Any:
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    return value


def _chosen(tree: Mapping[str, Any], choices: Mapping[str, str | None]) -> dict[str, str]:
    chosen = {group: choices[group] for group in GROUPS if group in tree and group in choices}
    recipe = choices.get("recipe")
    return chosen | ({"recipe": recipe} if recipe else {})


def _fallen_back(tree: dict, choices: Mapping[str, str]) -> tuple[dict, dict]:
    """The fallback's own defaults, with the target and the split seed of what was asked for."""
    name = tree["data"]["fallback"]
    kept = {key: tree["data"][key] for key in ("target", "split_seed")}
    fallback = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "data" / f"{name}.yaml"))
    return fallback | kept, {**choices, "data": name}
