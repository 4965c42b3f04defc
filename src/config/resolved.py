"""The resolved config of one job, made from Hydra's cfg: checked, flat, and with an identity."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)
from yaml import YAMLError

from src.config import schema
from src.config.document import document
from src.config.resolvers import register_resolvers
from src.config.schema import SEED_KEYS, SHARED_GROUPS, covers
from src.config.variant import factors
from src.errors import InputError
from src.folders import CODE
from src.messages.addresses import expand_home
from src.messages.credentials import redact
from src.messages.error_text import unknown, without_place


@dataclass(frozen=True)
class Identity:
    """All that a job's result depends on: equal for two jobs if they train the same weights."""

    config: str  # digest of the values that decide a result, threads and kind of device included
    data: str  # digest of the data's content and target
    code: Mapping[str, str]  # file -> digest, distribution -> version: see src.code_digest

    @property
    def fingerprint(self) -> str:
        """The identity in 16 hexadecimal digits."""
        return _digest([self.config, self.data, dict(self.code)])[:16]

    @property
    def code_digest(self) -> str:
        """The code alone in 16 hexadecimal digits."""
        return _digest(dict(self.code))[:16]

    def changes_since(self, earlier: "Identity") -> list[str]:
        """Return what differs: "config", "data", and each file or distribution of the code."""
        parts = {"config": self.config != earlier.config, "data": self.data != earlier.data}
        files = sorted({*self.code, *earlier.code})
        changed = [file for file in files if self.code.get(file) != earlier.code.get(file)]
        return [name for name, differs in parts.items() if differs] + changed


@dataclass(frozen=True)
class Resolved:
    """One job's config as plain values, and the option that was chosen in each group."""

    nested: Mapping[str, Any]
    choices: Mapping[str, str]
    fixed_seeds: frozenset[str] = frozenset()  # those of SEED_KEYS that do not follow `seed`

    @property
    def flat(self) -> dict[str, str]:
        """Dotted keys and text; a group's own key holds its choice (`activation=relu`)."""
        aside = (*schema.UNRECORDED_KEYS, *schema.COPIED_KEYS)
        if self.nested["stop_after"] is None:  # as in all jobs from before there was such a key
            aside = (*aside, "stop_after")
        own = {k: v for k, v in flatten(self.nested).items() if not covers(aside, k)}
        return dict(sorted({**self.choices, **own}.items()))

    @property
    def yaml(self) -> str:
        """The resolved config as a document without credentials."""
        return document(self.nested)

    def variant(self, data_digest: str = "") -> str:
        """Return the subject of a comparison in one line: options chosen, a digest of factors."""
        aside = {*SEED_KEYS} - self.fixed_seeds
        own = {k: v for k, v in factors(self.flat, data_digest).items() if k not in aside}
        return f"{' '.join(f'{k}={v}' for k, v in self.choices.items())} {_digest(own)[:8]}"

    @property
    def without_seeds(self) -> "Resolved":
        """The config as it is of all jobs that differ in seeds alone."""
        seeds = ("seed", *SEED_KEYS)
        nested = {key: value for key, value in self.nested.items() if key not in seeds}
        nested["data"] = {k: v for k, v in nested["data"].items() if f"data.{k}" not in seeds}
        return replace(self, nested=nested)

    @property
    def targets(self) -> list[str]:
        """The names of all that the job instantiates."""
        return sorted({*targets({k: v for k, v in self.nested.items() if k in schema.GROUPS})})

    def identity(
        self, data_digest: str, threads: int, device: str, code: Mapping[str, str]
    ) -> Identity:
        """Return the job's identity on these data, with these threads, on this kind of device."""
        deciding = {k: v for k, v in self.flat.items() if not covers(schema.NON_IDENTITY_KEYS, k)}
        deciding |= {"threads": str(threads), "device": device}
        return Identity(_digest(deciding), data_digest, code)


def targets(node: object) -> Iterator[str]:
    """Yield the name of everything that a config would instantiate, however deep."""
    if isinstance(node, Mapping):
        target = node.get("_target_")
        yield from [target] if target else []
        if str(target).startswith("hydra.") and "path" in node:  # of hydra.utils.get_class and kin
            yield str(node["path"])
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        yield from targets(child)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def flatten(nested: Mapping[str, Any]) -> dict[str, str]:
    """Return dotted keys and text: words as they are, all else as JSON."""
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in schema.leaves(nested)}


def settings(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the config's `tracking`, `compare` and places with `key=value` overrides.

    They serve tools beside a sweep. Raises InputError for an unknown key or a wrong value.
    """
    register_resolvers()
    given = OmegaConf.create()
    for override in overrides:
        group = override.partition("=")[0].partition(".")[0]
        try:
            given.merge_with_dotlist([override])
            if group in ("compare", "tracking") and not OmegaConf.is_dict(given[group]):
                raise InputError(f"{redact(override)}: must be {group}.KEY=VALUE")
        except (OmegaConfBaseException, YAMLError) as error:
            said = getattr(error, "problem", getattr(error, "reason", without_place(error)))
            typed = redact(override)
            raise InputError(f"{typed}: cannot be read as KEY=VALUE: {said}") from error
    try:
        defaults = cast(DictConfig, OmegaConf.load(CODE / "conf" / "config.yaml"))
        keys = ("tracking", "compare", "results", "checkpoints")
        own = OmegaConf.create({key: defaults[key] for key in keys})
        OmegaConf.set_struct(own, True)
        nested = _plain(OmegaConf.merge(own, given))
    except OmegaConfBaseException as error:
        said = unknown_key(error) or f"{error.full_key}: {without_place(error)}"
        raise InputError(said) from error
    schema.check(nested)
    return _as_meant(nested)


def unknown_key(error: BaseException | None) -> str:
    """Return what `unknown` says of the key that OmegaConf does not find; "" for another error."""
    if isinstance(error, ConfigAttributeError | ConfigKeyError) and error.parent_node is not None:
        allowed = cast(DictConfig, error.parent_node)
        below = [key for key, _ in schema.leaves(cast(Any, OmegaConf.to_container(allowed)))]
        settable = [key for key in below if not covers(schema.NOT_TYPED_KEYS, key)]
        return unknown(str(error.full_key), map(str, allowed), settable)
    return ""


def resolve(cfg: DictConfig, choices: Mapping[str, str]) -> Resolved:
    """Check and resolve a job's cfg without Hydra's part; `choices` maps groups to options.

    A group that the model does not use is left out: softmax regression is the same variant
    whatever the activation. Raises InputError for the first key that is wrong.
    """
    _require_groups(cfg, choices)
    try:
        nested = {str(key): _plain(cfg[key]) for key in cfg if key != "hydra"}
    except MissingMandatoryValue as error:
        raise InputError(f"{error.full_key}: must be given") from error
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {without_place(error)}") from error
    schema.check(nested)
    schema.check_targets(nested, choices)
    schema.require_keys(nested)
    nested = _as_meant(nested)
    unused = [group for group in SHARED_GROUPS if group not in nested["model"]]
    nested = {key: value for key, value in nested.items() if key not in unused}
    if nested["sweep"]["fallback"] and nested["data"].get("fallback"):
        nested["data"], choices = _fallen_back(nested, choices)
        nested["published"] = dict.fromkeys(nested["published"])  # they are of other data
    fixed_seeds = frozenset(key for key in SEED_KEYS if not _refers(cfg, key))
    return Resolved(nested, _chosen(nested, choices), fixed_seeds)


def _refers(cfg: DictConfig, key: str) -> bool:
    """Return whether a key's value is made from another's, as that of `${seed}`."""
    above, _, name = key.rpartition(".")
    return OmegaConf.is_interpolation(cfg[above] if above else cfg, name)


def _require_groups(cfg: DictConfig, choices: Mapping[str, str]) -> None:
    """Raise InputError for a group that nothing was chosen for, or whose file sets another key."""
    for group in schema.GROUPS:
        if group in cfg or group in schema.OPTIONAL_GROUPS:
            continue
        if choices.get(group) is None:
            raise InputError(f"{group}: must be given; {group}=OPTION")
        raise InputError(
            f"{group}={choices[group]}: its file must set `{group}`; "
            "is the package in its line `# @package …` another one?"
        )


def _plain(value: Any) -> Any:
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    return value


def _as_meant(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with an experiment's name as text and with `~` in paths expanded."""
    nested = _with_home(nested)
    experiment = str(nested["tracking"]["experiment"])
    return {**nested, "tracking": nested["tracking"] | {"experiment": experiment}}


def _with_home(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _with_home(part, f"{key}.{k}".lstrip(".")) for k, part in value.items()}
    is_path = isinstance(value, str) and covers(schema.HOME_KEYS, key)
    return expand_home(value) if is_path else value


def _chosen(nested: Mapping[str, Any], choices: Mapping[str, str | None]) -> dict[str, str]:
    named = [group for group in schema.GROUPS if group not in schema.OPTIONAL_GROUPS]
    chosen = {group: choices[group] for group in named if group in nested and group in choices}
    recipe = choices.get("recipe")
    return cast(dict[str, str], chosen) | ({"recipe": recipe} if recipe else {})


def _fallen_back(
    nested: Mapping[str, Any], choices: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fallback's own defaults with the target and the split seed of the original."""
    name = nested["data"]["fallback"]
    kept = {key: nested["data"][key] for key in ("target", "split_seed")}
    fallback = OmegaConf.to_container(OmegaConf.load(CODE / "conf" / "data" / f"{name}.yaml"))
    return cast(dict[str, Any], fallback) | kept, {**choices, "data": name}
