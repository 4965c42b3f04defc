"""The answer of a sweep, made again as it was asked for."""

from src.compare import recorded_jobs
from src.compare.answer import Answer
from src.config import resolved
from src.tracking.result_index import ResultIndex
from src.tracking.run_source import RunSource
from src.tracking.sweep_runs import SweepRuns


def conclude_again(source: RunSource, sweep: SweepRuns) -> Answer:
    """Return a sweep's answer under its own settings. Raises InputError where there is none."""
    defaults = resolved.settings([])
    settings = defaults["compare"] | recorded_jobs.settings_of(sweep.params)
    lineage = ResultIndex.of(defaults).lineage(sweep.records)
    found = recorded_jobs.conclude(sweep.records, settings, sweep.tags, source.correct, lineage)
    return Answer(found)
