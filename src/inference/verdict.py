"""The answer of a sweep, made again as it was asked for."""

from functools import partial
from typing import TYPE_CHECKING

from src import config
from src.compare import recorded_jobs
from src.compare.answer import Answer
from src.inference.offline import Offline
from src.inference.runs import SweepRuns
from src.tracking.result_index import ResultIndex

if TYPE_CHECKING:
    from src.tracking.store import Store


def conclude_again(source: "Store | Offline", sweep: SweepRuns) -> Answer:
    """Return a sweep's answer under its own settings. Raises InputError where there is none."""
    defaults = config.settings([])
    settings = defaults["compare"] | recorded_jobs.settings_of(sweep.params)
    elsewhere = None
    if not isinstance(source, Offline):
        from src.tracking import mlflow_source

        elsewhere = partial(mlflow_source.correct, source)
    lineage = ResultIndex.of(defaults).lineage(sweep.records)
    return Answer(recorded_jobs.conclude(sweep.records, settings, sweep.tags, elsewhere, lineage))
