"""The config's keys: the values that each may have, and what each decides."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.error_text import unknown
from src.errors import InputError

# A key stands for all keys below it as well: `data` for `data.n`.
STATE_KEYS = ("checkpoints", "results")
UNRECORDED_KEYS = (
    "tracking",
    "sweep",
    "compare",
    "figures",
    "models",
    "reuse",
    "resume",
    "dry_run",
    "submit",
    *STATE_KEYS,
)
NON_RESULT_KEYS = (*UNRECORDED_KEYS, "published", "data.fallback")
FILE_KEYS = ("data.train", "data.test")
PATH_KEYS = ("data.root", *FILE_KEYS)  # the data digest stands for their content
HOME_KEYS = (*PATH_KEYS, *STATE_KEYS, "tracking.uri", "tracking.artifacts")  # `~` is expanded
NON_FACTOR_KEYS = (*NON_RESULT_KEYS, "data.root", "seed", "threads", "diagnostics")
ADDRESS = re.compile(r"[a-z][a-z\d+.-]*:.+|databricks", re.IGNORECASE)  # RFC 3986
PLAIN = (str, int, float, list, type(None))  # the kinds of values that a record can hold


@dataclass(frozen=True)
class Rule:
    """A test of a value and, for error messages, the allowed values in words."""

    allows: Callable[[Any], bool]
    words: str


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(low: int, high: int | None = None) -> Rule:
    """Allow integers in [low, high]."""
    words = f"from {low} to {high}" if high is not None else f"of at least {low}"
    return Rule(
        lambda v: _is_whole(v) and low <= v and (high is None or v <= high), f"an integer {words}"
    )


def number(low: float, below: float = math.inf, above: bool = False) -> Rule:
    """Allow finite numbers in [low, below), or in (low, below) if they must lie `above` low."""
    words = f"a number {'above' if above else 'of at least'} {low:g}"
    words += f" and below {below:g}" if math.isfinite(below) else ""
    return Rule(lambda v: _is_number(v) and (low < v if above else low <= v) and v < below, words)


def one_of(*values: str) -> Rule:
    """Allow these words."""
    return Rule(lambda v: v in values, "one of " + ", ".join(values))


def optional(rule: Rule) -> Rule:
    """Allow the rule's values and null."""
    return Rule(lambda v: v is None or rule.allows(v), f"{rule.words}, or null")


FLAG = Rule(lambda v: isinstance(v, bool), "true or false")
TEXT = Rule(lambda v: isinstance(v, str) and v != "", "text, not empty")
NAME = Rule(lambda v: TEXT.allows(v) or _is_whole(v), "a name")
AUTO_OR_WHOLE = Rule(
    lambda v: v == "auto" or (_is_whole(v) and v >= 1), "auto or an integer of at least 1"
)
CHANNELS = Rule(
    lambda v: isinstance(v, list) and bool(v) and all(_is_whole(c) and c > 0 for c in v),
    "a list of integers of at least 1, one for each block, such as [16,32]",
)
BETAS = Rule(
    lambda v: isinstance(v, list) and len(v) == 2 and all(_is_number(b) and 0 <= b < 1 for b in v),
    "two numbers of at least 0 and below 1, such as [0.9,0.999]",
)
URI = Rule(
    lambda v: isinstance(v, str) and bool(ADDRESS.match(v)) and not v.endswith(":memory:"),
    "sqlite:///FILE, or the address of a server",
)
SEED = whole(0, 2**32 - 1)
POSITIVE = number(0, above=True)

SCHEMA: Mapping[str, Rule] = {
    "seed": SEED,
    "epochs": whole(1),
    "batch_size": whole(1),
    "clip_norm": optional(POSITIVE),
    "patience": optional(whole(1)),
    "threads": AUTO_OR_WHOLE,
    "diagnostics": FLAG,
    "figures": FLAG,
    "models": one_of("best", "all", "none"),
    "reuse": FLAG,
    "resume": FLAG,
    "dry_run": FLAG,
    "submit": FLAG,
    "checkpoints": TEXT,
    "results": TEXT,
    "data.root": TEXT,
    "data.train": TEXT,
    "data.test": optional(TEXT),
    "data.n": optional(whole(2)),
    "data.target": one_of("digit", "high_digit"),
    "data.val_fraction": number(0, 1, above=True),
    "data.split_seed": SEED,
    "data.fallback": optional(one_of("mnist_5k")),
    "model.depth": whole(0),
    "model.width": whole(1),
    "model.channels": CHANNELS,
    "model.kernel_size": whole(1),
    "model.pool": one_of("max", "avg"),
    "model.hidden": whole(1),
    "activation.negative_slope": number(0),
    "activation.alpha": POSITIVE,
    "init.gain": POSITIVE,
    "optimizer.lr": POSITIVE,
    "optimizer.momentum": number(0, 1),
    "optimizer.nesterov": FLAG,
    "optimizer.fused": FLAG,
    "optimizer.betas": BETAS,
    "optimizer.weight_decay": number(0),
    "schedule.step_size": whole(1),
    "schedule.gamma": POSITIVE,
    "schedule.eta_min": number(0),
    "device.index": whole(0),
    "published": Rule(lambda value: value is None, "null, or published.KEY=VALUE"),
    "published.train_error": number(0, 1),
    "published.val_error": number(0, 1),
    "compare.question": optional(TEXT),
    "compare.baseline": optional(TEXT),
    "compare.margin": number(0),
    "compare.target_error": optional(number(0, 1, above=True)),
    "tracking.uri": URI,
    "tracking.artifacts": TEXT,
    "tracking.experiment": NAME,
}
GROUPS = ("data", "model", "activation", "init", "loss", "optimizer", "schedule", "device")
SECTIONS = ("compare", "tracking", "sweep")
KNOWN = frozenset(key.partition(".")[0] for key in SCHEMA) | {*GROUPS, *SECTIONS}


def require_keys(tree: Mapping[str, Any]) -> None:
    """Raise InputError for the first key that a job cannot do without and that was deleted."""
    given = dict(leaves(tree))
    for key in SCHEMA:
        section = key.partition(".")[0]
        if key not in given and (section == key or section in SECTIONS) and key != "published":
            raise InputError(f"{key}: must be given")


def check_targets(tree: Mapping[str, Any], choices: Mapping[str, Any]) -> None:
    """Raise InputError for the first group that names nothing to make, or not by a word."""
    for group in filter(tree.__contains__, reversed(GROUPS)):  # a model holds its activation
        node = tree[group]
        option = f"{group}={choices.get(group)}"
        if "_target_" not in node:
            raise InputError(f"{option}: must have `_target_: NAME`, a class or a function")
        for key, value in leaves({group: node}):
            name = key.rpartition(".")[2]
            if name == "_target_" and not (isinstance(value, str) and "." in value):
                raise InputError(f"{option}: {key}={value}: must be MODULE.NAME")
            if name == "_partial_" and not isinstance(value, bool):
                raise _refusal(key, value, FLAG.words)


def check(tree: Mapping[str, Any]) -> None:
    """Raise InputError for the first key that is unknown or has a value out of its rule."""
    for key in tree:
        if key not in KNOWN:
            raise InputError(unknown(key, KNOWN))
    for group in (*GROUPS, *SECTIONS):
        if not isinstance(tree.get(group, {}), Mapping):
            words = f"an option of the group {group}" if group in GROUPS else f"{group}.KEY=VALUE"
            raise _refusal(group, tree[group], words)
    values = dict(leaves(tree))
    for key, rule in SCHEMA.items():
        if key in values and not rule.allows(values[key]):
            raise _refusal(key, values[key], rule.words)
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _refusal(key, value, "a finite number")
        if not isinstance(value, PLAIN):
            raise _refusal(key, value, "text, a number, true, false, null or a list")


def _refusal(key: str, value: Any, words: str) -> InputError:
    as_typed = {None: "null", True: "true", False: "false"}
    is_word = value is None or isinstance(value, bool)
    return InputError(f"{key}={as_typed[value] if is_word else value}: must be {words}")


def leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return dotted key and value of every entry except mappings; a list is one value.

    Raises InputError for a key that is a number.
    """
    found = []
    for key, value in tree.items():
        if not isinstance(key, str):
            raise InputError(f"{prefix}{key}: must be a word, as every key")
        if isinstance(value, Mapping):
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def covers(keys: tuple[str, ...], key: str) -> bool:
    """Return whether `key` is one of `keys` or lies below one of them."""
    return any(key == known or key.startswith(f"{known}.") for known in keys)


def factors(params: Mapping[str, str], data_digest: str = "") -> dict[str, str]:
    """Return what names a variant of a flat config, as resolved now or as stored with a run.

    Data files go by their name, wherever they lie; `data_digest`, once it is known, tells two of
    one name apart.
    """
    named = {key: value for key, value in params.items() if not covers(NON_FACTOR_KEYS, key)}
    files = {key: Path(named[key]).name for key in FILE_KEYS if key in named}
    content = {"data.train.digest": data_digest} if files and data_digest else {}
    return named | files | content
