"""Costs of a sweep beside its training: `MNIST_ROOT=… python tests/bench_sweep.py [PART …]`.

Parts: minimal (4 jobs against Hydra's basic launcher over a minimal loop in memory), kept (the
same against a loop that keeps its data between jobs), basic (16 jobs against the basic launcher
over this project's own code), pure (16 jobs against their training and evaluation alone, on all
cores), tuned (the share of a tuned sweep's time in which it trains), overhead (costs of a job that
trains nothing, and of reusing it beside what MLflow takes to write as many runs), memory (costs of
a second worker).
Whatever is compared runs in turns, so that both meet the same machine.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

ROOT = Path(__file__).parents[1]
TURNS = int(os.environ.get("TURNS", "2"))
MLP = ("epochs=3", "batch_size=64", "device=cpu")
TINY = ("data=mnist_5k", "data.n=200", "epochs=1", "device=cpu")

MINIMAL = """
import functools, hydra, numpy as np, torch
from torch import nn

def load(root):
    raw = np.fromfile(root + "/MNIST/raw/train-images-idx3-ubyte", np.uint8)[16:]
    images = torch.from_numpy(raw).view(60000, 784).float() / 255
    labels = np.fromfile(root + "/MNIST/raw/train-labels-idx1-ubyte", np.uint8)[8:]
    return images, torch.from_numpy(labels).long()

KEEP

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    torch.manual_seed(cfg.seed)
    images, labels = load(cfg.root)
    train, val = torch.randperm(60000).split([50000, 10000])
    x, y, vx, vy = images[train], labels[train], images[val], labels[val]
    model = nn.Sequential(nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    for epoch in range(3):
        for rows in torch.randperm(50000).split(64):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.inference_mode():
            errors = [(model(a).argmax(1) != b).float().mean() for a, b in ((x, y), (vx, vy))]
    print(errors)

main()
"""

# About what a run of a job that was reused is made of, without anything of this project.
WRITE = """
import sys, time
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

client = MlflowClient(sys.argv[1])
experiment = client.create_experiment("alone", artifact_location=sys.argv[2])
for job in range(100):
    now = int(time.time() * 1000)
    run = client.create_run(experiment, tags={f"t{k}": "tag" for k in range(20)}).info.run_id
    metrics = [Metric(f"m{k}", 0.5, now, 1) for k in range(12)]
    client.log_batch(run, metrics, [Param(f"p{k}", "value") for k in range(60)])
    client.set_terminated(run)
"""


class Place:
    """Commands whose outputs lie in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sweeps = 0
        self.overrides = [
            f"tracking.uri=sqlite:///{folder}/mlflow.db",
            f"tracking.artifacts={folder}/artifacts",
            f"checkpoints={folder}/checkpoints",
            f"results={folder}/results",
        ]

    def command(self, *arguments: str) -> list[str]:
        """A sweep into a directory of its own, which is `self.last`."""
        self.sweeps += 1
        self.last = self.folder / str(self.sweeps)
        where = f"hydra.sweep.dir={self.last}"
        return [sys.executable, "-m", "src.train", "-m", *arguments, *self.overrides, where]


def seconds(command: list[str], **options) -> float:
    """Wall time of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, **options)
    return time.perf_counter() - start


def in_turns(ours: Callable[[], float], baseline: Callable[[], float]) -> tuple[float, float]:
    """Medians of both, run in alternation."""
    pairs = [(ours(), baseline()) for _ in range(TURNS)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


PURE = """
import sys, torch
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def train(seed):
    torch.set_num_threads(1)
    from src.data import mnist
    from src.models.init import matched
    from src.models.mlp import MLP
    from src.rng import global_stream, stream
    from src.training.fit import fit
    draw = dict(n=None, val_fraction=0.166667, split_seed=seed)
    splits = mnist.load("mnist", sys.argv[1], "digit", **draw)
    with global_stream(seed, "initialisation"):
        model = MLP(1, 200, "none", 0.0, torch.nn.ReLU, matched, (1, 28, 28), 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0, 0)
    return list(fit(model, optimizer, splits, loss=torch.nn.CrossEntropyLoss(), schedule=schedule,
                    order=stream(seed, "batch order"), epochs=range(1, 4), batch_size=64,
                    clip_norm=None, diagnostics=False))

if __name__ == "__main__":
    import time
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        list(pool.map(train, range(2)))  # imports and data, which jobs share
        start = time.perf_counter()
        list(pool.map(train, range(16)))
        print(time.perf_counter() - start)
"""


def minimal(place: Place, keep: str = "") -> None:
    """4 jobs of 3 epochs against a loop that does nothing but train and evaluate."""
    root = os.environ["MNIST_ROOT"]
    script = place.folder / "minimal.py"
    script.write_text(MINIMAL.replace("KEEP", keep))
    runs = f"hydra.sweep.dir={place.folder}/minimal"
    loop = [sys.executable, str(script), "-m", "+seed=0,1,2,3", f"+root={root}", runs]
    sweep = (*MLP, f"data.root={root}", "seed=range(4)", "reuse=false")
    for models in ("models=best", "models=none"):
        ours, theirs = in_turns(
            lambda models=models: seconds(place.command(*sweep, models)), lambda: seconds(loop)
        )
        print(f"4 jobs x 3 epochs, {models}: {ours:.1f} s; basic launcher, minimal loop: "
              f"{theirs:.1f} s; ratio {ours / theirs:.2f}")  # fmt: skip


def kept(place: Place) -> None:
    """The same against a loop that keeps its data between jobs."""
    minimal(place, keep="load = functools.lru_cache(load)")


def pure(place: Place) -> None:
    """16 jobs of 3 epochs against training and exact evaluation alone, a process for each core."""
    root = os.environ["MNIST_ROOT"]
    sweep = (*MLP, f"data.root={root}", "seed=range(16)", "reuse=false")
    script = place.folder / "pure.py"
    script.write_text(PURE)

    def train() -> float:
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(script), root]
        return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)

    for models in ("models=best", "models=none"):
        ours, theirs = in_turns(lambda models=models: seconds(place.command(*sweep, models)), train)
        print(f"16 jobs x 3 epochs, {models}: {ours:.1f} s; their training alone: "
              f"{theirs:.1f} s; ratio {ours / theirs:.2f}")  # fmt: skip


def basic(place: Place) -> None:
    """16 jobs of 3 epochs against Hydra's own launcher."""
    sweep = (*MLP, f"data.root={os.environ['MNIST_ROOT']}", "seed=range(16)", "reuse=false")
    ours, theirs = in_turns(
        lambda: seconds(place.command(*sweep)),
        lambda: seconds(place.command(*sweep, "hydra/launcher=basic")),
    )
    print(f"16 jobs x 3 epochs: {ours:.1f} s; basic launcher, the same code: {theirs:.1f} s; "
          f"{theirs / ours:.2f} times faster")  # fmt: skip


def tuned(place: Place) -> None:
    """2 arms x 20 trials x 3 epochs: the share of the time in which the workers train."""
    workers = len(os.sched_getaffinity(0))
    sweep = (*MLP, f"data.root={os.environ['MNIST_ROOT']}", "activation=sigmoid,relu")
    space = "tune.space={optimizer.lr: log(0.005, 1)}"
    command = place.command(*sweep, "seed=range(6)", space, f"hydra.launcher.workers={workers}")
    whole = seconds(command)
    share = training_share(place.last, workers)
    print(f"2 arms x 20 trials, 24 jobs reported, 3 epochs each: {whole:.1f} s; the workers train "
          f"{share:.1%} of the time from the first job's start to the last one's end")  # fmt: skip


def training_share(sweep: Path, workers: int) -> float:
    """The share of its workers' time in which a sweep trained, by the journals of its jobs."""
    journals = [path.read_text().splitlines() for path in sweep.glob("[0-9]*/journal.jsonl")]
    events = [[json.loads(line) for line in lines] for lines in journals]
    trained = sum(e.get("values", {}).get("epoch_seconds", 0) for job in events for e in job)
    start, end = min(job[0]["time"] for job in events), max(job[-1]["time"] for job in events)
    return trained / (workers * (end - start) / 1000)


def overhead(place: Place) -> None:
    """Measure what a job costs beside training, start-up excluded, and what reusing it costs."""
    few = seconds(place.command(*TINY, "seed=range(10)"))
    for jobs in (110, 1010)[: 2 if "many" in sys.argv else 1]:
        many = seconds(place.command(*TINY, f"seed=range({10 * jobs},{11 * jobs})"))
        each = (many - few) / (jobs - 10) * 1000
        print(f"{jobs} jobs that train nothing: {each:.0f} ms each")
    again = seconds(place.command(*TINY, "seed=range(1100,1200)"))
    starts = [json.loads(path.open().readline()) for path in place.last.glob("*/journal.jsonl")]
    assert all("reused_from" in start["tags"] for start in starts)
    alone = [f"sqlite:///{place.folder}/alone.db", f"{place.folder}/alone"]
    write = seconds([sys.executable, "-c", WRITE, *alone])
    print(f"the same 100 jobs again: {again:.1f} s; MLflow alone writes 100 runs in {write:.1f} s; "
          f"ratio {again / write:.2f}")  # fmt: skip


def memory(place: Place) -> None:
    """The proportional memory of all processes with one worker and with two."""
    peaks = {}
    for workers in (1, 2):
        sweep = ("epochs=2", f"data.root={os.environ['MNIST_ROOT']}", "seed=range(2)")
        command = place.command(*sweep, f"hydra.launcher.workers={workers}", "reuse=false")
        process = psutil.Popen(command, cwd=ROOT, stdout=-3, stderr=-3)
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(map(proportional, [process, *process.children(recursive=True)])))
            time.sleep(0.1)
        peaks[workers] = peak
    added = (peaks[2] - peaks[1]) / 1e6
    print(f"one worker {peaks[1] / 1e6:.0f} MB; a second adds {added:.0f} MB")


def proportional(process: psutil.Process) -> int:
    """Its share of memory, in bytes; 0 once it is gone."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


PARTS = {
    "minimal": minimal,
    "kept": kept,
    "basic": basic,
    "pure": pure,
    "tuned": tuned,
    "overhead": overhead,
    "memory": memory,
}

if __name__ == "__main__":
    for name in [part for part in sys.argv[1:] if part in PARTS] or PARTS:
        with TemporaryDirectory() as scratch:
            PARTS[name](Place(Path(scratch)))
