"""What a user waits for before training starts, and what MLflow adds to it.

    MNIST_ROOT=… python tests/bench_startup.py [repetitions]

Commands are whole processes, the fastest of the repetitions, beside a Hydra application that
does nothing with the same configuration files' format.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
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
import sys
from src.sender import Sender
Sender._run = lambda self: None
import runpy
runpy.run_module("src.train", run_name="__main__", alter_sys=True)
"""


def tracking(repetitions: int, scratch: Path) -> None:
    """Ten epochs of the MLP on full MNIST, recorded and with the sender taken out."""
    arguments = [
        f"data.root={os.environ['MNIST_ROOT']}",
        f"tracking.uri=sqlite:///{scratch}/mlflow.db",
        f"tracking.artifacts={scratch}/artifacts",
        f"checkpoints={scratch}/checkpoints",
        "epochs=10",
        "figures=false",
    ]
    (scratch / "untracked.py").write_text(UNTRACKED)
    tracked, untracked = [], []
    for number in range(repetitions):
        for times, program in (
            (untracked, [str(scratch / "untracked.py")]),
            (tracked, ["-m", "src.train"]),
        ):
            folder = f"hydra.run.dir={scratch}/run/{number}{program[0]}"
            command = [sys.executable, *program, *arguments, folder]
            times.append(seconds(command, 1, ROOT, PYTHONPATH=str(ROOT)))
    share = min(tracked) / min(untracked) - 1
    print(
        f"10 epochs: untracked {min(untracked):.1f} s, tracked {min(tracked):.1f} s: +{share:.1%}"
    )


if __name__ == "__main__":
    repeated = int((sys.argv[1:] or ["5"])[0])
    with TemporaryDirectory() as folder:
        start_up(repeated, Path(folder))
        if "MNIST_ROOT" in os.environ:
            tracking(max(1, repeated // 2), Path(folder))
