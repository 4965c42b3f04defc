"""Configs of jobs that differ from a composed one in plain values, without composing them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf

from src.config.resolved import Resolved
from src.config.schema import COMPOSED_KEYS, SEED_KEYS, check, covers, leaves

COPY, REFERENCE = re.compile(r"\$\{(\w[\w.]*)\}"), re.compile(r"\$\{\s*([\w.]+)")


@dataclass(frozen=True)
class Original:
    """A composed job: its config, with and without resolved references."""

    config: Resolved
    raw: DictConfig
    overrides: Sequence[Override]  # of values

    @cached_property
    def _references(self) -> tuple[Mapping[str, list[str]], tuple[str, ...]]:
        """The keys that copy each key, and the keys in references that do more."""
        nested = OmegaConf.to_container(self.raw, resolve=False)
        assert isinstance(nested, dict)
        copies, others = defaultdict(list), []
        for key, value in leaves({str(k): part for k, part in nested.items() if k != "hydra"}):
            if found := COPY.fullmatch(str(value)):
                copies[found[1]].append(key)
            else:
                others += REFERENCE.findall(str(value))
        return copies, tuple(others)

    def vary(self, overrides: Sequence[Override]) -> Resolved | None:
        """Return the config with other values of the keys that the original's overrides set.

        Returns None where that takes a composition. Raises InputError for a value that is wrong.
        """
        nested: Mapping[str, Any] | None = self.config.nested
        own = {override.input_line for override in self.overrides}
        changed = {o.key_or_group: o for o in overrides if o.input_line not in own}
        for override in changed.values():
            if nested is not None:
                nested = self._with_value(nested, override) if _is_plain(override) else None
        if nested is None:
            return None
        check(nested)
        fixed_seeds = self.config.fixed_seeds | (changed.keys() & SEED_KEYS)
        return replace(self.config, nested=nested, fixed_seeds=fixed_seeds)

    def _with_value(
        self, nested: Mapping[str, Any], override: Override
    ) -> Mapping[str, Any] | None:
        copies, others = self._references
        waiting, value = [override.key_or_group], override.value()
        if covers(others, waiting[0]) or any(other.startswith(".") for other in others):
            return None
        while waiting:
            key = waiting.pop()
            changed = _replaced(nested, key.split("."), value)
            if changed is None and key == override.key_or_group:
                return None
            nested = changed or nested  # a group that the model does not use was left out
            waiting += copies.get(key, ())
        return nested


def _is_plain(override: Override) -> bool:
    value, key = override.value(), override.key_or_group
    each = value if isinstance(value, list) else [value]
    return (
        override.type is OverrideType.CHANGE
        and not covers(COMPOSED_KEYS, key)
        and not key.endswith("_target_")
        and all(part is None or isinstance(part, bool | int | float | str) for part in each)
        and not any(mark in str(value) for mark in ("$", "?", "~"))
    )


def _replaced(nested: Mapping[str, Any], key: Sequence[str], value: Any) -> dict[str, Any] | None:
    """Return the config with another value of a leaf, all else shared; None if there is no leaf."""
    name, *below = key
    if name not in nested or isinstance(nested[name], Mapping) is not bool(below):
        return None
    changed = _replaced(nested[name], below, value) if below else value
    return None if below and changed is None else {**nested, name: changed}
