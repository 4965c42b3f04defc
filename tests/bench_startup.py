"""Time that a user waits before training starts, and what MLflow adds to it.

    MNIST_ROOT=… python tests/bench_startup.py [repetitions]

Commands are whole processes, the fastest of the repetitions, beside a Hydra application that
does nothing with the same configuration files' format.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
BARE = """
import hydra
@hydra.main(version_base="1.3", config_path=None, config_name="config")
def app(cfg):
    pass
app()
"""
LINE = "python src/train.py model="  # Hydra completes no `python -m`
COMPLETION = {"COMP_LINE": LINE, "COMP_POINT": str(len(LINE))}


def seconds(command: list[str], repetitions: int, folder: Path, **environment: str) -> float:
    """Wall time of a whole process."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        subprocess.run(
            command, cwd=folder, env=os.environ | environment, capture_output=True, check=True
        )
        times.append(time.perf_counter() - start)
    return min(times)


def start_up(repetitions: int, scratch: Path) -> None:
    """Commands that train nothing, beside the bare application's."""
    (scratch / "config.yaml").write_text("seed: 0\n")
    (scratch / "app.py").write_text(
        BARE.replace("config_path=None", f"config_path={str(scratch)!r}")
    )
    commands = {
        "--help": ["--help"],
        "--cfg job": ["--cfg", "job"],
        "completion": ["-sc", "query=bash"],
    }
    for title, arguments in commands.items():
        bare = [sys.executable, str(scratch / "app.py"), *arguments]
        ours = [sys.executable, "-m", "src.train", *arguments]
        theirs = seconds(bare, repetitions, scratch, **COMPLETION)
        own = seconds(ours, repetitions, ROOT, **COMPLETION)
        print(f"{title}: bare Hydra {theirs:.2f} s, here {own:.2f} s: {own / theirs:.2f} times")


UNTRACKED = """
import runpy
import src.tracking.uploader_process

class Nobody:
    def __getattr__(self, request):
        return lambda *arguments: ""

src.tracking.uploader_process.UploaderProcess = Nobody
runpy.run_module("src.train", run_name="__main__", alter_sys=True)
"""


def tracking(repetitions: int, scratch: Path) -> None:
    """Ten epochs of the MLP on full MNIST, with MLflow and without, in turns.

    What lies in the epochs and what lies outside are told apart: epochs vary by more than MLflow
    costs.
    """
    (scratch / "untracked.py").write_text(UNTRACKED)
    programs = {"without": [str(scratch / "untracked.py")], "with": ["-m", "src.train"]}
    parts = {name: [] for name in programs}
    for number in range(repetitions):
        for name, program in programs.items():
            folder = scratch / f"{name}-{number}"
            command = [sys.executable, *program, *arguments(scratch), f"hydra.run.dir={folder}"]
            total = seconds(command, 1, ROOT, PYTHONPATH=str(ROOT))
            events = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
            epochs = sum(e["values"]["epoch_seconds"] for e in events if e["event"] == "metrics")
            parts[name].append((epochs, total - epochs))
    inside, outside = ({n: median(p[k] for p in parts[n]) for n in parts} for k in (0, 1))
    for name in programs:
        print(f"10 epochs {name} MLflow: {inside[name]:.2f} s, around them {outside[name]:.2f} s")
    whole = inside["without"] + outside["without"]
    shares = [(part["with"] - part["without"]) / whole for part in (inside, outside)]
    print(f"MLflow's share: {sum(shares):.1%} ({shares[0]:.1%} in epochs, {shares[1]:.1%} around)")


def arguments(scratch: Path) -> list[str]:
    """Return what both runs train."""
    return [
        f"data.root={os.environ['MNIST_ROOT']}",
        f"tracking.uri=sqlite:///{scratch}/mlflow.db",
        f"tracking.artifacts={scratch}/artifacts",
        f"checkpoints={scratch}/checkpoints",
        f"results={scratch}/results",
        "device=cpu",
        "epochs=10",
    ]


if __name__ == "__main__":
    repeated = int((sys.argv[1:] or ["5"])[0])
    with TemporaryDirectory() as folder:
        start_up(repeated, Path(folder))
        if "MNIST_ROOT" in os.environ:
            tracking(repeated, Path(folder))
