"""Variants and factors, found in the resolved configs instead of declared.

A variant is a resolved config without its seed; a factor is a key that tells variants apart.
"""

import ast
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from src.compare.criterion import Criterion, is_finished, is_usable
from src.config.variant import Config, differing, group_by_variant
from src.errors import InputError
from src.metrics import Run


@dataclass(frozen=True, eq=False)
class Variant:
    """A resolved config without its seed, and its runs: one for each seed, by seed."""

    label: str
    levels: Config  # factor -> its level here; a factor this variant does not have is absent
    config: Config
    runs: tuple[Run, ...]

    @cached_property
    def usable(self) -> dict[int, Run]:
        """The runs that trained to their end, by seed."""
        return {run.seed: run for run in self.runs if is_usable(run)}

    @property
    def n(self) -> int:
        """The number of seeds with an outcome, diverged ones too."""
        return len(self.runs) - self.failed

    @property
    def diverged(self) -> int:
        """The number of seeds that ended because a loss stopped being a number."""
        return self.n - len(self.usable)

    @property
    def failed(self) -> int:
        """The number of seeds without an outcome: failed, killed or not yet finished."""
        return sum(not is_finished(run) for run in self.runs)

    @cached_property
    def by_seed(self) -> dict[int, Run]:
        """All runs by seed."""
        return {run.seed: run for run in self.runs}

    def values(self, criterion: Criterion) -> Mapping[int, float]:
        """Return the judged value of each run that ended, diverged ones too, by seed."""
        if criterion not in self._values:
            values = {run.seed: criterion.value(run) for run in self.runs}
            known = {seed: value for seed, value in values.items() if not math.isnan(value)}
            self._values[criterion] = known
        return self._values[criterion]

    @cached_property
    def _values(self) -> dict[Criterion, Mapping[int, float]]:
        return {}  # each table and figure asks for them again, and no run changes

    @property
    def epoch_seconds(self) -> list[float]:
        """The wall time of each epoch of the usable runs."""
        return [epoch.seconds for run in self.usable.values() for epoch in run.epochs]

    def final(self, measure: str) -> list[float]:
        """Return a field of `Epoch` at the last epoch of each usable run."""
        return [getattr(run.epochs[-1], measure) for run in self.usable.values()]


def factors_of(variants: Iterable[Variant]) -> list[str]:
    """Return the factors of variants, each once, as they come."""
    return list(dict.fromkeys(factor for variant in variants for factor in variant.levels))


def find_variants(runs: Sequence[Run]) -> list[Variant]:
    """Group runs by their variant, in the order of `runs`.

    Where a seed ran twice, a finished run counts before an unfinished one, and the first of equals.
    """
    grouped = group_by_variant(runs)
    factors = _short_names(_factors([config for config, _ in grouped], _swept(runs)))
    variants = []
    for config, places in grouped:
        by_seed: dict[int, Run] = {}
        for run in map(runs.__getitem__, places):
            if run.seed not in by_seed or (is_finished(run) and not is_finished(by_seed[run.seed])):
                by_seed[run.seed] = run
        levels = {short: config[key] for key, short in factors.items() if key in config}
        label = " ".join(f"{factor}={level}" for factor, level in levels.items())
        ordered = tuple(run for _, run in sorted(by_seed.items()))
        variants.append(Variant(label or "all runs", levels, config, ordered))
    return variants


def find_baseline(
    variants: Sequence[Variant], wanted: str | None, key: str = "compare.baseline"
) -> Variant:
    """Return the variant with this label, or the only one with these settings; None: the first.

    Raises InputError if none or several match; `key` is where a user says which is wanted.
    """
    if wanted is None:
        return variants[0]
    named = [variant for variant in variants if variant.label == wanted.strip()]
    matching = named or [variant for variant in variants if _has_settings(variant, wanted)]
    if len(matching) == 1:
        return matching[0]
    allowed = ", ".join(f"'{variant.label}'" for variant in matching or variants)
    matched = f"matches {len(matching)} variants" if matching else "matches no variant"
    raise InputError(f"{key}={wanted}: must be one of {allowed}; it {matched}")


def _has_settings(variant: Variant, wanted: str) -> bool:
    """Return whether the variant has all of `key=value …`, however a value is spelled."""
    settings = {(k, _canonical(v)) for c in (variant.config, variant.levels) for k, v in c.items()}
    parts = [part.partition("=") for part in re.split(r"\s+(?=[\w.]+=)", wanted.strip())]
    return {(key, _canonical(value)) for key, _, value in parts} <= settings


def _canonical(value: str) -> str:
    """Spell numbers and lists like the config: `1e-2` is `0.01`, `[8,4]` is `[8, 4]`."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def find_confounds(variants: Sequence[Variant]) -> dict[str, list[str]]:
    """Return the keys that differ between the variants beside their factors, with their values.

    The factors determine these keys, so their effects cannot be told from the factors' own.
    """
    configs = [variant.config for variant in variants]
    factors = _factors(configs, _swept([run for v in variants for run in v.runs]))
    rest = [k for k in differing(configs) if k not in factors and not _is_settled(k, configs)]
    values = {key: list(dict.fromkeys(c[key] for c in configs if key in c)) for key in rest}
    return {key: found for key, found in values.items() if len(found) > 1}


def _swept(runs: Sequence[Run]) -> set[str]:
    """Return the keys in the runs' names (`activation=relu seed=3`): the keys that were swept."""
    return {part.partition("=")[0] for run in runs for part in run.name.split()}


def _factors(configs: Sequence[Config], swept: Collection[str]) -> list[str]:
    """Return the keys that name the variants: each differs and is not determined by earlier ones.

    Swept keys come first, then choices of a group, so that `activation` is named and the keys
    below it are not.
    """
    varied = differing(configs)
    groups = {key for key in varied if any(other.startswith(f"{key}.") for other in varied)}
    factors: list[str] = []
    for key in sorted(varied, key=lambda key: (key not in swept, key not in groups)):
        if not _is_determined(key, factors, configs):
            factors.append(key)
    return factors or [key for key in ("model",) if any(key in config for config in configs)]


def _is_determined(key: str, by: Collection[str], configs: Sequence[Config]) -> bool:
    causes = [tuple(config.get(cause) for cause in by) for config in configs]
    effects = [config.get(key) for config in configs]
    return len(set(causes)) == len(set(zip(causes, effects, strict=True)))


def _is_settled(key: str, configs: Sequence[Config]) -> bool:
    """Return whether the choice of a key's own group sets it: `activation` sets `.slope`."""
    group = key.rpartition(".")[0]
    return bool(group) and (_is_determined(key, [group], configs) or _is_settled(group, configs))


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """Map each key to its last component, or to itself where two keys would share it."""
    last = [key.rpartition(".")[2] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }
