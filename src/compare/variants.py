"""Variants and factors, found in the resolved configs rather than declared.

A variant is a resolved config without its seed; a factor is a key that tells variants apart.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from src.compare.stats import DECIMALS
from src.metrics import Run

Config = Mapping[str, str]


@dataclass(frozen=True)
class Variant:
    """A resolved config without its seed, and its runs: one for each seed, by seed."""

    label: str
    levels: Config  # factor -> its level here; a factor this variant does not have is absent
    config: Config
    runs: tuple[Run, ...]

    @cached_property
    def usable(self) -> dict[int, Run]:
        """The runs that means and pairs are made of, by seed: finished and not diverged."""
        return {run.seed: run for run in self.runs if _finished(run) and not _diverged(run)}

    @property
    def diverged(self) -> int:
        """How many seeds ended because a loss stopped being a number."""
        return sum(_finished(run) and _diverged(run) for run in self.runs)

    @property
    def failed(self) -> int:
        """How many seeds have no outcome: failed, killed or not yet finished."""
        return sum(not _finished(run) for run in self.runs)

    @cached_property
    def best(self) -> dict[int, float]:
        """The best validation error as a fraction, by seed."""
        return {seed: run.best.val_error for seed, run in self.usable.items()}

    @cached_property
    def mean(self) -> float:
        """The mean over seeds of the best validation error; NaN without a usable run."""
        return float(np.mean(list(self.best.values()))) if self.best else math.nan

    def last(self, measure: str) -> np.ndarray:
        """A field of `Epoch` at the last epoch of each usable run, shape (n,)."""
        return np.array([getattr(run.epochs[-1], measure) for run in self.usable.values()])


def find_variants(runs: Sequence[Run]) -> list[Variant]:
    """Group runs by their config, in the order of `runs`.

    A key that follows the seed (`data.split_seed`) is no part of a variant. Where a seed ran
    twice, a finished run counts before an unfinished one, and the first of equals.
    """
    follows_seed = {key for key in _differing([run.config for run in runs]) if _seeded(key, runs)}
    configs, groups = {}, {}
    for run in runs:
        config = {key: value for key, value in run.config.items() if key not in follows_seed}
        identity = frozenset(config.items())
        configs.setdefault(identity, config)
        by_seed = groups.setdefault(identity, {})
        if run.seed not in by_seed or (_finished(run) and not _finished(by_seed[run.seed])):
            by_seed[run.seed] = run
    names = _short(_factors(list(configs.values()), _swept(runs)))
    return [
        _variant(config, names, tuple(run for _, run in sorted(by_seed.items())))
        for config, by_seed in zip(configs.values(), groups.values(), strict=True)
    ]


def find_confounds(variants: Sequence[Variant]) -> dict[str, list[str]]:
    """What differs between the variants beside their factors, key -> its values.

    The factors determine these keys, so their effects cannot be told from the factors' own.
    """
    configs = [variant.config for variant in variants]
    named = set(_factors(configs, _swept([run for v in variants for run in v.runs])))
    rest = [key for key in _differing(configs) if key not in named and not _explained(key, configs)]
    values = {key: list(dict.fromkeys(c[key] for c in configs if key in c)) for key in rest}
    return {key: found for key, found in values.items() if len(found) > 1}


def paired_differences(a: Variant, b: Variant) -> np.ndarray:
    """a minus b in best validation error, shape (seeds that both finished,), by seed."""
    differences = [error - b.best[seed] for seed, error in a.best.items() if seed in b.best]
    return np.round(differences, DECIMALS)  # so that equal differences of counts are equal


def levels(variants: Iterable[Variant], factor: str) -> list[str]:
    """The levels of a factor: in numeric order where all are numbers, else as they came."""
    found = list(dict.fromkeys(v.levels[factor] for v in variants if factor in v.levels))
    return sorted(found, key=float) if all(map(is_number, found)) else found


def is_number(text: str) -> bool:
    """Whether a level can be put on an axis."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _finished(run: Run) -> bool:
    return run.status == "FINISHED"


def _diverged(run: Run) -> bool:
    return run.outcome == "diverged" or run.best is None or run.epochs[-1].diverged


def _variant(config: Config, names: Mapping[str, str], runs: tuple[Run, ...]) -> Variant:
    present = {short: config[key] for key, short in names.items() if key in config}
    label = " ".join(f"{factor}={level}" for factor, level in present.items())
    return Variant(label or "all runs", present, config, runs)


def _differing(configs: Sequence[Config]) -> list[str]:
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if len({config.get(key) for config in configs}) > 1]


def _seeded(key: str, runs: Sequence[Run]) -> bool:
    """Whether a key and the seed tell each other: one value a seed and one seed a value.

    Where no seed ran twice this holds for a true factor as well (lr=0.1 with seed 1, lr=0.2 with
    seed 2), so there the values must be the seeds themselves.
    """
    pairs = {(run.seed, run.config.get(key)) for run in runs}
    seeds, values = ({pair[side] for pair in pairs} for side in (0, 1))
    one_to_one = len(pairs) == len(seeds) == len(values)
    return one_to_one and (len(seeds) < len(runs) or values == {str(seed) for seed in seeds})


def _swept(runs: Sequence[Run]) -> set[str]:
    """The keys in the runs' names (`activation=relu seed=3`): what somebody chose to vary."""
    return {part.partition("=")[0] for run in runs for part in run.name.split()}


def _factors(configs: Sequence[Config], swept: Collection[str]) -> list[str]:
    """The keys that name the variants: what differs and is not determined by the ones before.

    What was swept comes first, then choices of a group, so that `activation` is named and what
    it brings along is not.
    """
    differing = _differing(configs)
    groups = {key for key in differing if any(other.startswith(f"{key}.") for other in differing)}
    chosen: list[str] = []
    for key in sorted(differing, key=lambda key: (key not in swept, key not in groups)):
        if not _determined(key, chosen, configs):
            chosen.append(key)
    return chosen or [key for key in ("model",) if any(key in c for c in configs)]


def _determined(key: str, by: Collection[str], configs: Sequence[Config]) -> bool:
    causes = [tuple(config.get(cause) for cause in by) for config in configs]
    effects = [config.get(key) for config in configs]
    return len(set(causes)) == len(set(zip(causes, effects, strict=True)))


def _explained(key: str, configs: Sequence[Config]) -> bool:
    """Whether the choice of a key's own group settles it: `activation` does `activation.slope`."""
    group = key.rpartition(".")[0]
    return bool(group) and (_determined(key, [group], configs) or _explained(group, configs))


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Each key's last component, or the whole key where two would share it."""
    last = [key.rpartition(".")[2] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }
