"""The searches of a tuned sweep, by the records of their trials."""

import math
from collections.abc import Sequence

from src import search_space
from src.compare.tuned import Search, Trial
from src.tracking.job_record import JobRecord, Role

SPACE = "tune.space."  # how the params of a search name its space


def searches(records: Sequence[JobRecord]) -> list[Search]:
    """Return the searches of a tuned sweep, with what became of their trials."""
    return [_search(record, records) for record in records if record.is_search]


def _search(search: JobRecord, records: Sequence[JobRecord]) -> Search:
    tuned = {k.removeprefix(SPACE): v for k, v in search.params.items() if k.startswith(SPACE)}
    own = [r for r in records if r.role is Role.TRIAL and r.tags.get("parent") == search.job_id]
    trials = tuple(_trial(record, list(tuned)) for record in own)
    budget = int(search.params["tune.budget"])
    return Search(search.tags["arm"], search_space.parse(tuned), budget, trials)


def _trial(record: JobRecord, tuned: Sequence[str]) -> Trial:
    rung, _, rungs = record.tags["rung"].partition("/")
    error = record.best_val_error
    return Trial(
        arm=record.tags["arm"],
        number=int(record.tags["trial"]),
        settings={key: record.params[key] for key in tuned},
        seed=int(record.params["seed"]),
        epochs=int(record.params["epochs"]),
        is_full=rung == rungs,
        val_error=error if math.isfinite(error) else 1.0,
    )
