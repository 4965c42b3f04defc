"""The comparison of a sweep, made again as it was asked for."""

from functools import partial
from typing import TYPE_CHECKING

from src import config
from src.compare import Comparison, recorded_jobs
from src.inference.runs import SweepRuns
from src.tracking import mlflow_source

if TYPE_CHECKING:
    from src.tracking.store import Store


def compare_again(store: "Store", sweep: SweepRuns) -> Comparison:
    """Compare a sweep's jobs under its own settings. Raises InputError where that cannot be."""
    settings = config.settings([])["compare"] | recorded_jobs.settings_of(sweep.params)
    elsewhere = partial(mlflow_source.correct, store)
    return recorded_jobs.compare_records(sweep.records, settings, elsewhere)
