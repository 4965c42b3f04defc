"""The comparison of jobs by their records."""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from src import predictions
from src.compare import power
from src.compare.answer import Answer, Result
from src.compare.comparison import Comparison, compare
from src.compare.criterion import find_criterion
from src.compare.pairs import Correct
from src.compare.plain_search import find_search
from src.compare.sequential import Look
from src.compare.spread import find_spread, varied_seeds
from src.compare.stats import BoolArray
from src.compare.tuned import Search, Trial
from src.compare.variants import find_baseline, find_variants
from src.config import resolved, search_space, variant
from src.config.compare_settings import CompareSettings
from src.config.schema import plain_text
from src.errors import InputError
from src.metrics import Run
from src.status import Outcome, Status
from src.tracking.event import Event
from src.tracking.job_record import SEARCH_TAGS, JobRecord, Role
from src.tracking.result_index import ResultIndex
from src.tracking.sweep_runs import SweepRuns

if TYPE_CHECKING:
    from src.tracking.run_source import RunSource

log = logging.getLogger(__name__)

SPACE = "tune.space."  # prefix of its space in the params of a search


def conclude(
    records: Sequence[JobRecord],
    settings: CompareSettings,
    tags: Mapping[str, str],
    elsewhere: Correct | None = None,
    lineage: Sequence[JobRecord] = (),
    post_hoc: str = "",
) -> Result:
    """Return the answer of a sweep, whatever it asks; arguments are as for `compare_records`.

    A search, by its `tags`, has a best trial. Crossed seeds of one variant have a spread of several
    parts; they are no levels of factors. All others are compared. Raises InputError where there is
    no answer.
    """
    if tags.items() >= SEARCH_TAGS.items():
        runs, numbers = [each.run for each in records], [each.number for each in records]
        if found := find_search(runs, numbers, settings.question):
            return found
        raise InputError(f"none of {len(runs)} trials ended with a finite validation error")
    reported = [r.run for r in records if r.role is Role.REPORTED and not r.is_search]
    spread = find_spread(reported, settings.question)
    return spread or compare_records(records, settings, elsewhere, lineage, post_hoc)


def conclude_again(source: "RunSource", sweep: SweepRuns, margin: float | None = None) -> Answer:
    """Return a sweep's answer under its own settings, or post hoc with another margin.

    Raises InputError where there is none.
    """
    defaults, post_hoc = resolved.settings([]), ""
    settings = CompareSettings.stored(sweep.params, defaults["compare"])
    if margin is not None and margin != settings.margin:
        settings, post_hoc = replace(settings, margin=margin), f"compare.margin={margin:g}"
    lineage = ResultIndex.of(defaults).lineage(sweep.records)
    return Answer(conclude(sweep.records, settings, sweep.tags, source.correct, lineage, post_hoc))


def compare_records(
    records: Sequence[JobRecord],
    settings: CompareSettings,
    elsewhere: Correct | None = None,
    lineage: Sequence[JobRecord] = (),
    post_hoc: str = "",
) -> Comparison:
    """Compare jobs.

    Of a tuned sweep `records` are the searches and their trials as well, of which none is
    compared. `elsewhere` finds the right predictions of a run, by its id, whose journal does not
    hold them; `lineage` are the sweeps that may have looked at the jobs before; `post_hoc` says
    which settings were chosen with results known. Raises InputError for jobs without comparison.
    """
    jobs = [(record, record.run) for record in records]
    kept = {run.run_id: record.correct for record, run in jobs}

    def correct(run_id: str) -> BoolArray | None:
        found = predictions.decode(kept[run_id])
        return elsewhere(run_id) if found is None and elsewhere else found

    def compared(role: Role, looks: Sequence[Look] = ()) -> Comparison:
        return compare(
            [run for record, run in jobs if record.role is role and not record.is_search],
            settings,
            correct=correct,
            looks=looks,
        )

    labels = _labels(jobs)
    return replace(
        compared(Role.REPORTED, _earlier_looks(labels, lineage)),
        searches=searches(records),
        untuned=compared(Role.UNTUNED) if any(r.role is Role.UNTUNED for r in records) else None,
        post_hoc=post_hoc,
        judged_before="" if post_hoc else _judged_before(jobs, labels, lineage, settings),
    )


def _labels(jobs: Sequence[tuple[JobRecord, Run]]) -> dict[str, tuple[str, int]]:
    """Return the variant's label and the seed of each reported job, by its fingerprint."""
    own = [job for job in jobs if job[0].role is Role.REPORTED and job[0].fingerprint]
    fingerprints = {run.run_id: record.fingerprint for record, run in own}
    return {
        fingerprints[run.run_id]: (variant.label, run.seed)
        for variant in find_variants([run for _, run in own])
        for run in variant.runs
    }


def _seen(look: Event, labels: Mapping[str, tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    """Return the seeds at which a look saw each of the variants with one of these jobs."""
    return {
        labels[known[0]][0]: tuple(sorted(map(int, jobs_by_seed)))
        for jobs_by_seed in look["variants"].values()
        if (known := [each for each in jobs_by_seed.values() if each in labels])
    }


def _earlier_looks(
    labels: Mapping[str, tuple[str, int]], lineage: Sequence[JobRecord]
) -> list[Look]:
    """Return the looks of a lineage at two or more variants of these jobs, the first one first.

    A look at the very seeds that are compared now is none of them: it saw the same.
    """
    seeds: dict[str, tuple[int, ...]] = {}
    for label, seed in sorted(labels.values()):
        seeds[label] = (*seeds.get(label, ()), seed)
    events = sorted((e for sweep in lineage for e in sweep.looks), key=itemgetter("time"))
    found: list[Look] = [_seen(event, labels) for event in events]
    return [look for look in found if len(look) > 1 and any(look[v] != seeds[v] for v in look)]


def _judged_before(
    jobs: Sequence[tuple[JobRecord, Run]],
    labels: Mapping[str, tuple[str, int]],
    lineage: Sequence[JobRecord],
    settings: CompareSettings,
) -> str:
    """Return by what the first sweep of these jobs judged them, where that differs; else ""."""
    first = next((s for s in lineage if any(len(_seen(e, labels)) > 1 for e in s.looks)), None)
    if first is None:
        return ""
    runs = [run for record, run in jobs if record.role is Role.REPORTED]
    variants, default = find_variants(runs), find_criterion(runs, None).tracked

    def meant(key: str, value: Any) -> Any:
        if key != "baseline":
            return value or default
        with suppress(InputError):  # a variant that is not here any more
            return find_baseline(variants, value).label
        return value

    now = vars(settings)
    before = vars(CompareSettings.stored(first.params, now))
    differ = [
        key
        for key in ("margin", "metric", "baseline")
        if meant(key, before[key]) != meant(key, now[key])
    ]
    return " ".join(f"compare.{key}={plain_text(before[key])}" for key in differ)


def searches(records: Sequence[JobRecord]) -> list[Search]:
    """Return the searches with results of a tuned sweep, in the order of its arms."""
    arms = [record.tags.get("arm") for record in records if not record.is_search]
    order = {arm: place for place, arm in enumerate(dict.fromkeys(arms))}
    found = [_search(record, records) for record in records if record.is_search]
    usable = [search for search in found if search and search.errors]
    return sorted(usable, key=lambda search: order.get(search.arm, len(order)))


def _search(search: JobRecord, records: Sequence[JobRecord]) -> Search | None:
    """Return a search with its trials; None with a line in the log where one is damaged."""
    own = [r for r in records if r.role is Role.TRIAL and r.tags.get("parent") == search.job_id]
    space = {k.removeprefix(SPACE): v for k, v in search.params.items() if k.startswith(SPACE)}
    try:
        trials = tuple(_trial(record, space) for record in own)
        budget, arm = int(search.params["tune.budget"]), search.tags["arm"]
        return Search(arm, search_space.parse(space), budget, trials)
    except (KeyError, InputError) as damage:
        log.warning("%s: the search is left out: %s is missing", search.journal.path, damage)
        return None


def _trial(record: JobRecord, space: Collection[str]) -> Trial:
    rung, _, rungs = record.tags["rung"].partition("/")
    return Trial(
        number=int(record.tags["trial"]),
        settings={key: record.params[key] for key in space},
        seed=int(record.params["seed"]),
        is_full=rung == rungs,
        val_error=min(1.0, record.best_val_error),
        rung=int(rung),
    )


def power_note(
    jobs: Mapping[str, Mapping[str, str]], settings: CompareSettings, is_comparison: bool
) -> str:
    """Return why a comparison of jobs will decide nothing; "" if it can.

    `jobs` are flat configs by the jobs' names; `is_comparison` says that tuning or added seeds
    depend on one. Raises InputError for a baseline that none of the jobs has, and for seeds of one
    variant that are crossed where there must be a comparison.
    """
    end = Status.FINISHED, Outcome.FINISHED
    runs = [  # as their records will be
        Run("", name, *end, int(own["seed"]), variant.factors(own), "", "", "", ())
        for name, own in jobs.items()
    ]
    if (crossed := varied_seeds(runs)) and is_comparison:
        raise InputError(
            f"{', '.join(chain(*crossed))}: must not be swept beside tune.space or seed=auto "
            "without variants to compare; crossed seeds ask for the parts of a spread"
        )
    if not runs or crossed:
        return ""
    few = power.power_note(runs, settings.baseline)
    return few or power.looks_note(runs, settings.looks or ())
