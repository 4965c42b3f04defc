"""The comparison of a sweep, made again as it was asked for."""

from functools import partial
from typing import TYPE_CHECKING

from src import config
from src.compare import Comparison, recorded_jobs
from src.inference.offline import Offline
from src.inference.runs import SweepRuns
from src.tracking.result_index import ResultIndex

if TYPE_CHECKING:
    from src.tracking.store import Store


def compare_again(source: "Store | Offline", sweep: SweepRuns) -> Comparison:
    """Compare a sweep's jobs under its own settings. Raises InputError where that cannot be."""
    defaults = config.settings([])
    settings = defaults["compare"] | recorded_jobs.settings_of(sweep.params)
    elsewhere = None
    if not isinstance(source, Offline):
        from src.tracking import mlflow_source

        elsewhere = partial(mlflow_source.correct, source)
    lineage = ResultIndex.of(defaults).lineage(sweep.records)
    return recorded_jobs.compare_records(sweep.records, settings, elsewhere, lineage)
