"""The config's keys: the values that each may have, and what each decides."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from src.config import rules
from src.config.rules import Rule, number, one_of, optional, whole
from src.errors import InputError
from src.folders import CODE
from src.messages.error_text import unknown
from src.metrics import BUILT_IN, Direction, Unit

# A key stands for all keys below it as well: `data` for `data.n`.
STATE_KEYS = ("checkpoints", "results")
COMMON_KEYS = ("tracking", "compare", "tune", "dry_run", "reuse", "models", "submit", *STATE_KEYS)
OWN_KEYS = ("sweep", "figures", "resume", "checkpoint_minutes")  # may differ between jobs
UNRECORDED_KEYS = (*COMMON_KEYS, *OWN_KEYS)
PUBLISHED_KEYS = ("train_error", "val_error")  # below `published`
NON_RESULT_KEYS = (*UNRECORDED_KEYS, "published", "data.fallback", "data.check")
FILE_KEYS = ("data.train", "data.test")
PATH_KEYS = ("data.root", *FILE_KEYS)  # the data digest stands for their content
LOCAL_KEYS = (*NON_RESULT_KEYS, *PATH_KEYS, "threads")  # no part of what is asked
NON_IDENTITY_KEYS = (*LOCAL_KEYS, "device")  # an identity holds what they come to
HOME_KEYS = (*PATH_KEYS, *STATE_KEYS, "tracking.uri", "tracking.artifacts")  # `~` is expanded
COMPOSED_KEYS = (*HOME_KEYS, "tracking", "sweep", "hydra", "data.fallback")  # more than values
NOT_TYPED_KEYS = ("sweep", "hydra.sweeper.params")  # of a sweep and of a file
JOBS_KEYS = ("tune", "compare.looks")  # decide which jobs there are
SEED_SOURCES = {  # keys that follow `seed` unless set: what each draws, in words, one and many
    "data.split_seed": ("split", "the split", "splits"),
    "init_seed": ("initialisation", "the initial weights", "initialisations"),
    "order_seed": ("order", "the order of batches", "batch orders"),
}
SEED_KEYS = tuple(SEED_SOURCES)
DRAW_KEYS = ("data.n", "data.val_fraction", "data.split_seed", "data.target")  # of what is there
NON_FACTOR_KEYS = (*NON_RESULT_KEYS, "data.root", "seed", "threads", "diagnostics", "metrics")
UNTUNABLE_KEYS = (*NON_FACTOR_KEYS, *SEED_KEYS, "data", "device")
FOUND_KEYS = ("device.type", "data.train.digest")  # known once a job has begun
PLAIN = (str, int, float, list, type(None))  # the kinds of values that a record can hold


DATA_OPTIONS = sorted(path.stem for path in (CODE / "conf" / "data").glob("*.yaml"))
SEED_WORDS = f"{rules.SEED.words}; auto only in a sweep (-m) without others"
REPLICATE = Rule(rules.SEED.allows, SEED_WORDS)
KEYS_BY_RULE: Sequence[tuple[Rule, str]] = (
    (REPLICATE, "seed"),
    (rules.SEED, "init_seed order_seed data.split_seed"),
    (whole(0), "model.depth augment.pixels device.index"),
    (whole(1), "epochs batch_size model.width model.kernel_size model.hidden model.blocks"),
    (whole(1), "schedule.step_size schedule.T_max"),
    (whole(2, rules.MAX_ENUMERATED), "tune.budget"),
    (optional(whole(1)), "patience stop_after"),
    (optional(whole(2)), "data.n tune.halving"),
    (rules.THREADS, "threads"),
    (rules.POSITIVE, "activation.alpha init.gain optimizer.lr schedule.gamma"),
    (optional(rules.POSITIVE), "clip_norm"),
    (optional(number(0)), "checkpoint_minutes"),
    (number(0), "augment.degrees augment.translate augment.scale activation.negative_slope"),
    (number(0), "optimizer.weight_decay schedule.eta_min compare.margin"),
    (number(0, 1), "model.dropout optimizer.momentum loss.label_smoothing schedule.warmup"),
    (number(0, 1), "schedule.pct_start"),
    (optional(number(0, 1)), " ".join(f"published.{key}" for key in PUBLISHED_KEYS)),
    (number(0, 1, above=True), "data.val_fraction"),
    (optional(number(0, 1, above=True)), "compare.target_error"),
    (rules.FLAG, "diagnostics figures reuse resume dry_run submit tune.untuned"),
    (rules.FLAG, "optimizer.nesterov optimizer.fused optimizer.decay_all"),
    (rules.TEXT, "select_by checkpoints results data.root data.train data.target data.check"),
    (rules.TEXT, "tracking.artifacts"),
    (optional(rules.TEXT), "data.test"),
    (optional(one_of(*DATA_OPTIONS)), "data.fallback"),
    (optional(rules.TEXT), "compare.question compare.baseline compare.metric"),
    (rules.NAME, "data.label tracking.experiment"),
    (rules.URI, "tracking.uri"),
    (rules.CHANNELS, "model.channels"),
    (optional(rules.SIZE), "data.size"),
    (rules.BETAS, "optimizer.betas"),
    (optional(rules.LOOKS), "compare.looks"),
    (rules.TUNING_SEEDS, "tune.seeds"),
    (one_of("float32", "bf16"), "precision"),
    (one_of("best", "all", "none"), "models"),
    (one_of("grey", "rgb"), "data.colour"),
    (one_of("max", "avg"), "model.pool"),
    (one_of("none", "batch", "layer"), "model.norm"),
    (one_of("epoch", "update"), "schedule.interval"),
    (one_of("qmc", "tpe", "grid"), "tune.sampler"),
    (
        Rule(lambda v: v is None, "null, or values by setting: {optimizer.lr: log(0.01, 1)}"),
        "tune.space",
    ),
)
SCHEMA = {key: rule for rule, keys in KEYS_BY_RULE for key in keys.split()}
MAPPINGS = ("tune.space",)  # null, or keys of their own
DATA_GROUPS = ("data", "normalize", "augment")
SHARED_GROUPS = ("activation", "init")  # a model refers to them, or does not use them
COPIED_KEYS = tuple(f"model.{group}" for group in SHARED_GROUPS)
MODEL_GROUPS = ("model", *SHARED_GROUPS)
TRAINING_GROUPS = ("loss", "optimizer", "schedule", "metrics", "device")
GROUPS = (*DATA_GROUPS, *MODEL_GROUPS, *TRAINING_GROUPS)
OPTIONAL_GROUPS = ("metrics",)  # any number of options, such as metrics=[ece,macro_f1]
RULED_SECTIONS = ("compare", "published", "tracking", "tune")  # each of whose keys has a rule
SECTIONS = (*RULED_SECTIONS, "sweep")
KNOWN = frozenset(key.partition(".")[0] for key in SCHEMA) | {*GROUPS, *SECTIONS}


def require_keys(nested: Mapping[str, Any]) -> None:
    """Raise InputError for the first needed key that was deleted."""
    given = dict(leaves(nested))
    for key in SCHEMA:
        section = key.partition(".")[0]
        is_needed = (section == key or section in SECTIONS) and key not in MAPPINGS
        if key not in given and is_needed:
            raise InputError(f"{key}: must be given")


def check_targets(nested: Mapping[str, Any], choices: Mapping[str, Any]) -> None:
    """Raise InputError for the first group that names nothing to make, or not by a word."""
    parts = {group: nested[group] for group in reversed(GROUPS) if group in nested}
    for name, metric in parts.pop("metrics", {}).items():
        if name in BUILT_IN or "/" in name:
            built_in = " and ".join(BUILT_IN)
            raise InputError(f"metrics.{name}: must be a name without / other than {built_in}")
        _check_metric(f"metrics.{name}", metric)
        parts[f"metrics.{name}.function"] = metric["function"]
    for group, node in parts.items():  # a model holds its activation, which comes first
        option = f"{group}={choices[group]}" if group in choices else group
        if "_target_" not in node:
            raise InputError(f"{option}: must have `_target_: NAME`, a class or a function")
        for key, value in leaves({group: node}):
            name = key.rpartition(".")[2]
            if name == "_target_" and not (isinstance(value, str) and "." in value):
                raise InputError(f"{option}: {key}={value}: must be MODULE.NAME")
            if name == "_partial_" and not isinstance(value, bool):
                raise _refusal(key, value, rules.FLAG.words)


def _check_metric(key: str, metric: Any) -> None:
    own = {"direction": one_of(*Direction), "unit": one_of(*Unit), "function": rules.FUNCTION}
    if not isinstance(metric, Mapping) or set(metric) != set(own):
        raise InputError(f"{key}: must have the keys {', '.join(own)}")
    for name, rule in own.items():
        if not rule.allows(metric[name]):
            raise _refusal(f"{key}.{name}", metric[name], rule.words)


def check(nested: Mapping[str, Any]) -> None:
    """Raise InputError for the first key that is unknown or has a value out of its rule."""
    for key in nested:
        if key not in KNOWN:
            below = (name for name, _ in leaves(nested) if name.partition(".")[0] in KNOWN)
            raise InputError(unknown(key, KNOWN, below))
    for group in (*GROUPS, *SECTIONS):
        if not isinstance(nested.get(group, {}), Mapping):
            words = f"an option of the group {group}" if group in GROUPS else f"{group}.KEY=VALUE"
            raise _refusal(group, nested[group], words)
    for section in RULED_SECTIONS:
        for key in nested.get(section, {}):
            if f"{section}.{key}" not in SCHEMA:
                allowed = [k.partition(".")[2] for k in SCHEMA if k.startswith(f"{section}.")]
                raise InputError(unknown(f"{section}.{key}", allowed))
    values = dict(leaves(nested))
    mappings = dict(_mappings(nested))
    for key, rule in SCHEMA.items():
        if key in values and not rule.allows(values[key]):
            raise _refusal(key, values[key], rule.words)
        if key in mappings and key not in MAPPINGS:
            raise _refusal(key, mappings[key], rule.words)
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _refusal(key, value, "a finite number")
        if not isinstance(value, PLAIN):
            raise _refusal(key, value, "text, a number, true, false, null or a list")
    if (stop := values.get("stop_after")) and stop > values.get("epochs", stop):
        raise _refusal("stop_after", stop, f"at most epochs={values['epochs']}")


def _refusal(key: str, value: Any, words: str) -> InputError:
    return InputError(f"{key}={plain_text(value)}: must be {words}")


def plain_text(value: Any) -> str:
    """Return a plain value as it is typed: null, true and false in lower case."""
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def unflatten(text: str) -> Any:
    """Return the value of a flat config's text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def leaves(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return dotted key and value of every entry except mappings; a list is one value.

    Raises InputError for a key that is a number.
    """
    found = []
    for key, value in nested.items():
        if not isinstance(key, str):
            raise InputError(f"{prefix}{key}: must be a word, as every key")
        if isinstance(value, Mapping):
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _mappings(
    nested: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield dotted key and value of every entry that is a mapping."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield f"{prefix}{key}", value
            yield from _mappings(value, f"{prefix}{key}.")


@cache  # asked for every key of every job
def covers(keys: tuple[str, ...], key: str) -> bool:
    """Return whether `key` is one of `keys` or lies below one of them."""
    return any(key == known or key.startswith(f"{known}.") for known in keys)


def experiment_overrides(
    overrides: Sequence[str], aside: tuple[str, ...] = LOCAL_KEYS
) -> list[str]:
    """Drop typed overrides of keys that are no part of what is asked."""
    return [o for o in overrides if not covers(aside, o.lstrip("+~").partition("=")[0])]
