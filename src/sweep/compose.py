"""The jobs of a multirun and the config of each, composed once for each choice of groups."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console
from rich.progress import track

from src.config.hydra_internals import (
    BASIC_SWEEPER,
    FAIR_SWEEPER,
    as_typed,
    typed_lines,
)
from src.config.resolved import Resolved, resolve
from src.config.rules import LOOKS
from src.config.schema import experiment_overrides
from src.config.shared_compositions import share_compositions
from src.errors import InputError
from src.sweep.variation import Original

AUTO = "seed=auto"
MAX_JOBS = 20_000  # a config takes some 20 kB and a millisecond
MANY_JOBS = 1_000  # composed in a time that a user notices


def job_overrides(config: DictConfig) -> list[list[Override]]:
    """Return the overrides of each job; none where the sweeper decides them as it goes."""
    if config.hydra.sweeper._target_ not in (BASIC_SWEEPER, FAIR_SWEEPER):
        return []
    loader = share_compositions()
    lines = _typed(config)
    if is_growing(config):
        lines = [*(line for line in lines if line != AUTO), f"seed=range({_first_look(config)})"]
    swept = loader.parse(lines)
    _check_size(swept)
    return [loader.parse(job) for job in _crossed(swept)]


def launched_lines(config: DictConfig) -> list[list[str]]:
    """Return the overrides of each job as a launcher takes them."""
    return [as_typed(job) for job in job_overrides(config)]


def _crossed(overrides: Sequence[Override]) -> Iterator[tuple[str, ...]]:
    """Yield the overrides of each combination of values, in the order of Hydra's own sweeper."""
    random.seed(0)  # shuffled values come in one order, however often the jobs are asked for
    values = {}
    for each in overrides:
        is_swept, key = each.is_sweep_override(), each.get_key_element()
        texts = each.sweep_string_iterator() if is_swept else [each.get_value_element_as_str()]
        values[key] = [f"{key}={text}" for text in texts]  # a later override replaces an earlier
    yield from product(*values.values())


def is_growing(config: DictConfig) -> bool:
    """Return whether a sweep adds seeds by its declared looks until all is decided."""
    seeds = [line for line in _typed(config) if line.startswith("seed=")]
    return seeds[-1:] == [AUTO] and config.hydra.sweeper._target_ == FAIR_SWEEPER


def _typed(config: DictConfig) -> list[str]:
    return [*sweeper_params(config), *typed_lines(config.hydra.overrides.task)]


def _first_look(config: DictConfig) -> int:
    looks = config.compare.looks
    if looks is None:
        needed = "must go with one compare.looks for all jobs, such as compare.looks=[8,12,16]"
        raise InputError(f"seed=auto: {needed}")
    looks = OmegaConf.to_container(looks) if OmegaConf.is_list(looks) else looks
    if not isinstance(looks, list) or not LOOKS.allows(looks):
        raise InputError(f"compare.looks={looks}: must be {LOOKS.words}")
    return int(str(looks[0]))


def _check_size(overrides: Sequence[Override]) -> None:
    """Raise InputError for no job, or more than can be composed and kept in memory."""
    jobs = 1
    for override in filter(Override.is_sweep_override, overrides):
        if not override.is_discrete_sweep():
            needed = "must be values, a,b, or range(…); tune.space={KEY: interval(…)} searches one"
            raise InputError(f"{override.input_line}: {needed}")
        values = islice(override.sweep_string_iterator(), MAX_JOBS + 1)  # there may be billions
        jobs *= sum(1 for _ in values)
        if not jobs:
            raise InputError(f"{override.input_line}: must have a value at least")
        if jobs > MAX_JOBS:
            raise InputError(
                f"{override.input_line}: must leave at most {MAX_JOBS:,} jobs in one sweep; "
                "several are compared together by `python -m src.compare RUN_ID RUN_ID`"
            )


def question(config: DictConfig) -> str:
    """Return the question as it was typed, without paths and tracking; what varies comes first."""
    typed = typed_lines(config.hydra.overrides.task)
    keys = {override.partition("=")[0] for override in typed}
    own = [param for param in sweeper_params(config) if param.partition("=")[0] not in keys]
    lines = share_compositions().parse(experiment_overrides([*typed, *own]))
    return " ".join(as_typed(sorted(lines, key=lambda o: not o.is_sweep_override()))) or "sweep"


def sweeper_params(config: DictConfig) -> list[str]:
    """Return the overrides over which the config itself sweeps."""
    params: Mapping[str, Any] = config.hydra.sweeper.get("params") or {}
    return [f"{key}={value}" for key, value in params.items()]


@dataclass(frozen=True)
class Composed:
    """One job of a multirun before it is trained."""

    config: Resolved
    folder: Path | None  # its directory; None: the jobs are not known yet
    sweeps: bool  # whether its own config names values to sweep


def compose_jobs(config: DictConfig, jobs: Sequence[Sequence[Override]]) -> list[Composed]:
    """Compose and check each job's config; `config` alone where the jobs are not known.

    Raises InputError, or Hydra's own error, for the first that is wrong.
    """
    loader = share_compositions()
    str(config.hydra.sweep.dir)  # resolves its stamp, which the jobs then share
    if not jobs:
        return [Composed(resolved(config), None, sweeps=True)]
    console = Console(stderr=True)
    if len(jobs) >= MANY_JOBS:
        line = f"{len(jobs):,} jobs: each is composed and checked before the first is trained"
        console.print(line, highlight=False, soft_wrap=True)
    is_shown = len(jobs) >= MANY_JOBS and console.is_terminal
    shown = track(jobs, "composing", console=console, transient=True, disable=not is_shown)
    originals: dict[tuple[str, ...], tuple[Original, Path]] = {}
    composed: list[Composed] = []
    for number, job in enumerate(shown):
        kind, values = loader.split(job)
        if kind in originals:
            original, sweep = originals[kind]
            if varied := original.vary(values):
                composed.append(Composed(varied, sweep / str(number), composed[0].sweeps))
                continue
        cfg = loader.load_sweep_config(config, as_typed(job))
        composed.append(_composed(cfg, number))
        if composed[-1].folder == Path(cfg.hydra.sweep.dir, str(number)).absolute():
            originals[kind] = Original(composed[-1].config, cfg, values), composed[-1].folder.parent
    return composed


def compose_lines(config: DictConfig, jobs: Sequence[Sequence[str]]) -> list[Composed]:
    """Compose and check each job's config, given its overrides as they are typed."""
    loader = share_compositions()
    return compose_jobs(config, [loader.parse(job) for job in jobs])


def _composed(cfg: DictConfig, number: int) -> Composed:
    with open_dict(cfg.hydra.job):
        cfg.hydra.job.num, cfg.hydra.job.id = number, str(number)
    folder = Path(cfg.hydra.sweep.dir, str(cfg.hydra.sweep.subdir))
    return Composed(resolved(cfg), folder.absolute(), bool(sweeper_params(cfg)))


def resolved(config: DictConfig) -> Resolved:
    """Return a job's own config from all that Hydra has composed."""
    return resolve(config, config.hydra.runtime.choices)


def varying(jobs: Sequence[Sequence[Override]]) -> list[str]:
    """Return the keys whose override differs between jobs, in the order given."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for override, line in zip(job, as_typed(job), strict=True):
            values.setdefault(override.key_or_group, set()).add(line)
    return [key for key, found in values.items() if len(found) > 1]
