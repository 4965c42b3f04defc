"""Time that a sweep of 1,000 runs of 20 epochs waits for its comparison.

    python tests/bench_comparison.py

Reading the records from journals is held against MLflow's public get_metric_history, one call for
each run and metric.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from src import predictions
from src.answers import record, recorded_jobs
from src.config.compare_settings import CompareSettings
from src.tracking import mlflow_sink
from src.tracking.journal import Journal
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_journals import SweepJournals

RUNS, EPOCHS, SAMPLE, DIGITS = 1_000, 20, 20, 10_000
METRICS = ("train/loss", "train/error", "val/loss", "val/error", "lr", "epoch_seconds")
SETTINGS = CompareSettings(None, None, None, margin=0.1, looks=None, target_error=None)


def main() -> None:
    with TemporaryDirectory() as place:
        sweep = made_sweep(Path(place) / "sweep")
        record.prepare()  # while the jobs run
        start = time.perf_counter()
        records = SweepJournals(sweep).records()
        read = time.perf_counter() - start
        record.record(recorded_jobs.compare_records(records, SETTINGS), sweep, {})
        total = time.perf_counter() - start
        theirs = mlflow_seconds(Path(place), records[:SAMPLE]) * RUNS / SAMPLE
        print(f"{len(records)} runs x {EPOCHS} epochs")
        print(f"  read from journals                      {read:6.2f} s")
        print(f"  get_metric_history, a call each         {theirs:6.2f} s (from {SAMPLE} runs)")
        print(f"  ratio                                   {theirs / read:6.1f}")
        print(f"  read, compared and written              {total:6.2f} s")


def made_sweep(folder: Path) -> Journal:
    """The journals of 100 variants x 10 seeds."""
    sweep, rng = Journal(folder), np.random.default_rng(0)
    sweep.begin(name="bench", tags={"kind": "sweep", "job": "sweep"})
    for number in range(RUNS):
        events = made_events(number, rng)
        Journal(folder / str(number)).write([event | {"time": 0} for event in events], "run")
    return sweep


def made_events(number: int, rng: np.random.Generator) -> list[dict]:
    variant, seed = divmod(number, 10)
    params = {"seed": str(seed), "optimizer": "sgd", "optimizer.lr": f"{variant / 1000}"}
    params |= {f"model.constant_{k}": str(k) for k in range(30)}
    tags = {"job": str(number), "sweep": "sweep", "number": str(number)}
    dataset = {"name": "mnist", "digest": "0123456789abcdef"}
    errors = 0.02 + variant / 10_000 + rng.normal(0, 0.002, EPOCHS)
    epochs = [
        {"event": "metrics", "step": step, "values": dict.fromkeys(METRICS, float(error))}
        for step, error in enumerate(errors, 1)
    ]
    correct = predictions.encode(rng.random(DIGITS) > errors[-1])
    return [
        {"event": "start", "name": str(number), "tags": tags, "params": params, "dataset": dataset},
        *epochs,
        {"event": "final", "step": EPOCHS, "values": {"test/error": 0.02}, "correct": correct},
        {"event": "end", "status": "FINISHED", "tags": {"outcome": "finished"}},
    ]


def mlflow_seconds(folder: Path, records: list) -> float:
    """Seconds to read the metrics of these records from MLflow, a call each."""
    uri = f"sqlite:///{folder}/mlflow.db"
    store = TrackingSettings(uri, "bench", f"{folder}/artifacts").connect()
    for journal in (job.journal for job in records):
        events = [{**event, "tags": {}} for event in journal.events()]
        mlflow_sink.deliver(store, None, events, journal.folder)
    runs = store.client.search_runs([store.experiment_id])
    start = time.perf_counter()
    for run in runs:
        for key in METRICS:
            store.client.get_metric_history(run.info.run_id, key)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
