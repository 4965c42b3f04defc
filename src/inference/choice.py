"""The models that a command line asks for: `run=…`, `sweep=…` or `model=…`."""

from src.command_line import Words
from src.errors import InputError
from src.inference import restore
from src.inference.trained_model import TrainedModel, ensemble
from src.tracking import sweep_runs
from src.tracking.run_source import RunSource

KEYS = ("run", "sweep", "model")


def choose(words: Words, is_ensemble: bool = False) -> TrainedModel:
    """Return the model that is asked for, the best of the last sweep by default.

    As an ensemble it is the average of its variant's runs. Raises InputError where there is none.
    """
    given = [key for key in KEYS if key in words.values]
    if len(given) > 1:
        raise InputError(f"{given[0]}=, {given[1]}=: one of {', '.join(KEYS)} must be given")
    if uri := words.value("model"):
        if is_ensemble:
            raise InputError(f"--ensemble: model={uri} is one model; run=… or sweep=… has several")
        return restore.load(words.tracking.open(), uri)
    source = RunSource(words.tracking)
    if run_id := words.value("run"):
        record = source.run(run_id)
        group = source.siblings(record) if is_ensemble else [record]
    else:
        sweep = source.sweep(words.value("sweep"))
        group = sweep.best_variant if is_ensemble else sweep_runs.ranked(sweep.usable)[:1]
    models = [restore.restore(source, record) for record in group]
    return ensemble(models, models[0].name) if is_ensemble else models[0]


def best_of_variants(words: Words, most: int) -> list[TrainedModel]:
    """Return the best run of each variant of a sweep, or all runs and models that are asked for.

    Of a sweep with many variants these are the `most` with the lowest error.
    """
    source = RunSource(words.tracking)
    uris = words.values.get("model", [])
    models = [restore.load(words.tracking.open(), uri) for uri in uris]
    records = [source.run(run_id) for run_id in words.values.get("run", [])]
    if "sweep" in words.values or not (models or records):
        sweep = source.sweep(words.value("sweep"))
        records += sweep_runs.best_of_variants(sweep.records)[:most]
    return [*(restore.restore(source, record) for record in records), *models]
