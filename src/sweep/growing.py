"""Multiruns whose jobs depend on results: their checks before the first job, and their rounds."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from src import provenance
from src.config.compare_settings import CompareSettings
from src.config.hydra_internals import BASIC_LAUNCHER, FAIR_SWEEPER, QUEUE_LAUNCHER, as_typed
from src.config.search_space import Dimension
from src.config.shared_compositions import share_compositions
from src.errors import InputError
from src.job_source import Job
from src.sweep import decisions
from src.sweep.arm import Arm, check_space, tuning_seeds
from src.sweep.compose import Composed, compose_lines, is_growing, job_overrides, resolved, varying
from src.sweep.decisions import Planned
from src.sweep.preflight import check_parts
from src.sweep.rounds import Branch, Rounds
from src.sweep.tuning import ArmSearch, rungs, sampler
from src.tracking.event import Parent
from src.tracking.job_record import Role, Status, fold
from src.tracking.journal import Journal
from src.tracking.repair import end
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_journals import SEARCHES, SweepJournals
from src.tracking.uploader_process import start_uploader
from src.training.selection import end_epoch

if TYPE_CHECKING:
    from src.compare import Comparison
    from src.compare.pairs import Pair


def depends_on_results(config: DictConfig) -> bool:
    """Return whether a multirun is tuned, or adds seeds until it has decided."""
    return config.tune.space is not None or is_growing(config)


def sees_jobs(hydra: DictConfig) -> bool:
    """Return whether jobs run on this machine, by Hydra's basic launcher or this project's own."""
    return hydra.launcher._target_ == BASIC_LAUNCHER or hydra.launcher.get("preload") is not None


def check_sweeper(config: DictConfig) -> None:
    """Raise InputError where sweeper or launcher would pass over what a sweep asks for."""
    if config.tune.space is not None and config.hydra.sweeper._target_ != FAIR_SWEEPER:
        raise InputError("tune.space: must go with hydra/sweeper=fair, the default")
    if config.submit and config.hydra.launcher._target_ != QUEUE_LAUNCHER:
        raise InputError("submit=true: must be false, but with hydra/launcher=slurm")
    if depends_on_results(config) and config.submit:
        raise InputError("submit=true: must be false where further jobs depend on results")


def find_arms(jobs: Sequence[Sequence[Override]]) -> dict[Arm, list[int]]:
    """Return the arms of a sweep in the order of its jobs, each with the numbers of its jobs."""
    varied = varying(jobs)
    found: dict[tuple[str, ...], tuple[Arm, list[int]]] = {}
    for number, job in enumerate(jobs):
        lines = zip((o.key_or_group for o in job), as_typed(job), strict=True)
        own = {key: line for key, line in lines if key != "seed"}
        label = " ".join(line for key, line in own.items() if key in varied)
        found.setdefault(tuple(own.values()), (Arm(label, own), []))[1].append(number)
    return dict(found.values())


@dataclass(frozen=True)
class Design:
    """A sweep whose jobs depend on results: its arms, its looks, and what is searched for each."""

    arms: Mapping[Arm, Mapping[str, Any]]  # and the config of the first job of each
    varied: Sequence[str]
    looks: Sequence[Sequence[int]]  # the seeds that each look adds
    space: Sequence[Dimension]  # none where nothing is tuned
    tuning_seeds: Sequence[int]

    @classmethod
    def of(cls, config: DictConfig, overrides: Sequence[Sequence[Override]]) -> Self:
        """Return the design of jobs. Raises InputError for a space or seeds that cannot be."""
        loader, numbers = share_compositions(), find_arms(overrides)
        arms = {
            arm: resolved(loader.load_sweep_config(config, as_typed(overrides[own[0]]))).nested
            for arm, own in numbers.items()
        }
        first = next(iter(numbers.values()))
        seeds = [str(o.value()) for n in first for o in overrides[n] if o.key_or_group == "seed"]
        looks = _plain(config.compare.looks) if is_growing(config) else []
        by_look = seeds_by_look(looks, [int(seed) for seed in seeds] or [config.seed])
        tune, varied = _plain(config.tune), varying(overrides)
        if tune["space"] is None:
            return cls(arms, varied, by_look, (), ())
        by_label = {arm.label or "the variant": nested for arm, nested in arms.items()}
        space = check_space(tune, varied, by_label)
        return cls(arms, varied, by_look, space, tuning_seeds(tune["seeds"], chain(*by_look)))


def probe_jobs(config: DictConfig, overrides: Sequence[Sequence[Override]]) -> list[Composed]:
    """Return jobs at the ends of the space of each arm, to be made once before anything is trained.

    There are none in a sweep without a space. Raises InputError for a space or seeds that cannot
    be.
    """
    if config.tune.space is None:
        return []
    design = Design.of(config, overrides)
    corners = [{d.key: value} for d in design.space for value in d.corners]
    seed = design.tuning_seeds[0]
    return compose_lines(config, [arm.job(seed, own) for arm in design.arms for own in corners])


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


@contextmanager
def open_rounds(config: DictConfig) -> Iterator[Rounds]:
    """Return the rounds of a multirun that has begun; journals of searches end with the body."""
    journals = SweepJournals(Journal(Path(config.hydra.sweep.dir)))
    rounds = make_rounds(config, journals)
    arms = journals.find()[1:]
    status = Status.KILLED
    try:
        yield rounds
        status = Status.FINISHED
    finally:
        for arm in arms:
            end(arm, status)


def make_rounds(config: DictConfig, journals: SweepJournals | None = None) -> Rounds:
    """Return the rounds of a multirun; those without journals are for a dry run."""
    design = Design.of(config, job_overrides(config))
    index = ResultIndex.of(next(iter(design.arms.values())))
    branches = [Branch(arm) for arm in design.arms]
    for branch in branches if design.space else ():
        source = sampler(config.tune.sampler, design.space, config.tune.budget)
        last = end_epoch(design.arms[branch.arm])
        stages = rungs(source.budget, last, config.tune.halving)
        branch.search = ArmSearch(source, design.tuning_seeds, stages)
        branch.naming = [_varying(design, config)]
        if journals:
            branch.trial_tags["parent"] = _begin_arm(branch.arm, journals)

    def undecided() -> Collection[str]:
        assert journals is not None
        if not sees_jobs(config.hydra):
            start_uploader().attempt("fetch_jobs", [job.number for job in journals.records()])
        return undecided_arms(journals, index, CompareSettings.of(_plain(config.compare)))

    def find_results(jobs: Sequence[Job]) -> bool:
        decided = decisions.decide(index, plan_round(config, jobs))
        return any(each.source for each in decided.values())

    is_untuned = bool(design.space) and config.tune.untuned
    rounds = Rounds(branches, design.looks, undecided, is_untuned)
    if journals and config.reuse and start_uploader().attempt("has_others"):
        rounds.find_results = find_results
    return rounds


def plan_round(config: DictConfig, jobs: Sequence[Job]) -> list[Planned]:
    """Return the jobs of a round of a sweep whose variants were all tried."""
    composed = compose_lines(config, [job.overrides for job in jobs])
    identities = check_parts(config, composed, makes_variants=False)
    planned = []
    for job, identity, own in zip(composed, identities, jobs, strict=True):
        name, _, seed = own.name.rpartition(" ")  # which stands last
        planned.append(Planned(job, identity, own.overrides, [name, seed] if name else [seed]))
    return planned


def _varying(design: Design, config: DictConfig) -> str:
    """Return the override that lets the name of a trial, or of a tuned run, tell its settings."""
    length = ["stop_after"] if config.tune.halving else []
    keys = dict.fromkeys([*design.varied, *(d.key for d in design.space), *length, "seed"])
    return f"sweep.varying=[{','.join(keys)}]"


def _begin_arm(arm: Arm, journals: SweepJournals) -> str:
    """Begin the journal of an arm's search; return its name for the trials that belong to it."""
    sweep = fold(journals.sweep)
    assert sweep is not None
    own = {"kind": Parent.SEARCH, "job": os.urandom(8).hex(), "sweep": sweep.job_id}
    searches = journals.sweep.folder / SEARCHES
    Journal(searches / str(sum(1 for _ in searches.glob("*")))).begin(
        name=arm.label or "search",
        tags={**provenance.tags(), **own, "arm": arm.label},
        params={key: value for key, value in sweep.params.items() if key.startswith("tune.")},
        tracking=sweep.tracking,
    )
    return own["job"]


def seeds_by_look(looks: Sequence[int], seeds: Sequence[int]) -> list[list[int]]:
    """Return the seeds that each look adds; `seeds` are the first one's."""
    ends = [len(seeds), *(look for look in looks if look > len(seeds))]
    return [list(seeds), *(list(range(*each)) for each in pairwise(ends))]


def undecided_arms(
    journals: SweepJournals, index: ResultIndex, settings: CompareSettings
) -> Collection[str]:
    """Look at the reported jobs; return the labels of the arms in pairs that are not decided."""
    from src.answers.record import record_look
    from src.answers.recorded_jobs import compare_records

    records = [record for record in journals.records() if record.role is Role.REPORTED]
    comparison = compare_records(records, settings, lineage=index.lineage(records))
    record_look(comparison, records, journals.sweep)
    sides = [side for pair in open_pairs(comparison) for side in (pair.a, pair.b)]
    return {run.arm for side in sides for run in side.runs}


def open_pairs(comparison: "Comparison") -> "list[Pair]":
    """Return the pairs that more seeds are to decide.

    Of a design of two factors, such as activation and depth, these are the lines of its figure
    at each point of the axis (ReLU against sigmoid at each depth): neighbours on the axis may be
    as good as equal, and would ask for seeds without end. Of all others they are those listed.
    """
    pairs, design = comparison.listed_pairs, comparison.factorial
    if design:
        pairs = [pair for pair in pairs if pair.a.levels[design.x] == pair.b.levels[design.x]]
    return [pair for pair in pairs if not pair.verdict.is_decided]
