"""Variants of runs: their resolved configs without the seed, and without what follows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from src.config.schema import FILE_KEYS, FOUND_KEYS, NON_FACTOR_KEYS, covers
from src.metrics import Run

Config = Mapping[str, str]


def factors(params: Mapping[str, str], data_digest: str = "") -> dict[str, str]:
    """Return what names a variant of a flat config, as resolved now or as stored with a run.

    Data files go by their name, wherever they lie; `data_digest`, once it is known, tells two of
    one name apart.
    """
    named = {key: value for key, value in params.items() if not covers(NON_FACTOR_KEYS, key)}
    files = {key: Path(named[key]).name for key in FILE_KEYS if key in named}
    content = {"data.train.digest": data_digest} if files and data_digest else {}
    return named | files | content


def unseeded(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that all seeds of a variant share, as they were typed."""
    return [override for override in overrides if not override.startswith("seed=")]


def group_by_variant(runs: Sequence[Run]) -> list[tuple[Config, list[int]]]:
    """Return each variant's config and the places of its runs, in the order of `runs`.

    A key that follows the seed (`data.split_seed`) is no part of a variant.
    """
    runs = with_found_keys(runs)
    configs = [run.config for run in runs]
    seed_keys = {key for key in differing(configs) if _follows_seed(key, runs)}
    groups: dict[frozenset[tuple[str, str]], tuple[Config, list[int]]] = {}
    for place, config in enumerate(configs):
        own = {key: at for key, at in config.items() if key not in seed_keys}
        groups.setdefault(frozenset(own.items()), (own, []))[1].append(place)
    return list(groups.values())


def with_found_keys(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, and those that could not begin as if they had found what all others did."""
    begun = [{key: run.config.get(key) for key in FOUND_KEYS} for run in runs if run.digest]
    if not begun or any(found != begun[0] for found in begun):
        return list(runs)
    found = {key: value for key, value in begun[0].items() if value is not None}
    return [run if run.digest else replace(run, config={**run.config, **found}) for run in runs]


def differing(configs: Sequence[Config]) -> list[str]:
    """Return the keys of which two configs have another value, or one has none."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if len({config.get(key) for config in configs}) > 1]


def _follows_seed(key: str, runs: Sequence[Run]) -> bool:
    """Return whether key and seed determine each other: one value a seed and one seed a value.

    Where no seed ran twice this holds for a true factor as well (lr=0.1 with seed 1, lr=0.2 with
    seed 2), so there the values must be the seeds themselves.
    """
    pairs = {(run.seed, run.config.get(key)) for run in runs}
    seeds, values = {seed for seed, _ in pairs}, {value for _, value in pairs}
    one_to_one = len(pairs) == len(seeds) == len(values)
    return one_to_one and (len(seeds) < len(runs) or values == {str(seed) for seed in seeds})
