"""How long a sweep of 1,000 runs of 20 epochs waits for its answer; python tests/bench_answer.py.

Reading the records from a SQLite store is held against MLflow's public get_metric_history, one
call for each run and metric.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from src import answer
from src.tracking import client, records

RUNS, EPOCHS, SAMPLE = 1_000, 20, 20
METRICS = ("train/loss", "train/error", "val/loss", "val/error", "lr", "epoch_seconds")
SETTINGS = {"baseline": None, "margin": 0.1, "target_error": None, "question": None}


def main() -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        store = client.connect(f"sqlite:///{folder}/mlflow.db", "bench", f"{folder}/artifacts")
        rng = np.random.default_rng(0)
        for number in range(RUNS):
            client.deliver(store, None, made_run(number, rng), folder, True)
        start = time.perf_counter()
        jobs = records.sweep_jobs(store, "parent")
        list(answer.events(answer.compare_jobs(store, jobs, SETTINGS), folder, {}))
        total = time.perf_counter() - start
        start = time.perf_counter()
        runs = records.read(store, jobs)
        read = time.perf_counter() - start
        start = time.perf_counter()
        for run in runs[:SAMPLE]:
            for key in METRICS:
                store.client.get_metric_history(run.run_id, key)
        theirs = (time.perf_counter() - start) * RUNS / SAMPLE
        print(f"{len(runs)} runs x {EPOCHS} epochs")
        print(f"  epochs read from SQLite                 {read:6.2f} s")
        print(f"  get_metric_history, a call each          {theirs:5.2f} s (from {SAMPLE} runs)")
        print(f"  ratio                                   {theirs / read:6.1f}")
        print(f"  read, compared and written              {total:6.2f} s")


def made_run(number: int, rng: np.random.Generator) -> list[dict]:
    """The journal of one of 100 variants x 10 seeds."""
    variant, seed = divmod(number, 10)
    params = {"seed": str(seed), "optimizer": "sgd", "optimizer.lr": f"{variant / 1000}"}
    params |= {f"model.constant_{k}": str(k) for k in range(30)}
    tags = {"job": str(number), "mlflow.parentRunId": "parent", "fingerprint": str(number)}
    dataset = {"name": "mnist", "digest": "0123456789abcdef"}
    errors = 0.02 + variant / 10_000 + rng.normal(0, 0.002, EPOCHS)
    history = [
        {"step": epoch, "values": dict.fromkeys(METRICS, float(error))}
        for epoch, error in enumerate(errors, 1)
    ]
    moment = {"time": time.time_ns() // 1_000_000}
    name = f"optimizer.lr={variant / 1000} seed={seed}"
    return [
        {"event": "start", "name": name, "tags": tags, "params": params, "dataset": dataset}
        | moment,
        {"event": "history", "epochs": history} | moment,
        {"event": "end", "status": "FINISHED", "tags": {"outcome": "finished"}} | moment,
    ]


if __name__ == "__main__":
    main()
