"""Costs of a job on SLURM and Ray beside Hydra's own launchers for these.

    pip install --no-deps --target THEIRS hydra-submitit-launcher hydra-ray-launcher
    THEIRS=THEIRS python tests/bench_launchers.py [slurm] [ray]

Ours are whole jobs that train next to nothing, theirs an application that does nothing at all, as
many of each, in turns. The cost of a job is what a long sweep takes longer than a short one, by
the number of jobs that it has more. SLURM is that of the tests, two nodes of two CPUs on this
machine.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench_sweep import TINY, TURNS, Place, seconds
from cluster.slurm import Slurm

FEW, MANY = 4, int(os.environ.get("JOBS", "36"))
NOOP = """
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    pass

main()
"""


def cost_of_a_job(sweep: Callable[[int], float]) -> float:
    """Seconds by which each further job makes a sweep longer."""
    return (sweep(MANY) - sweep(FEW)) / (MANY - FEW)


def compare(name: str, folder: Path, launcher: list[str], their_launcher: list[str]) -> None:
    """Print what a job costs, ours and theirs."""
    place, script = Place(folder), folder / "noop.py"
    script.write_text(NOOP)
    path = {"PYTHONPATH": str(Path(os.environ["THEIRS"]).absolute())}

    def ours(jobs: int) -> float:
        return seconds(place.command(*TINY, f"seed=range({jobs})", "reuse=false", *launcher))

    def theirs(jobs: int) -> float:
        place.sweeps += 1
        where = f"hydra.sweep.dir={folder}/{place.sweeps}"
        typed = ["-m", f"+seed=range({jobs})", where, *their_launcher]
        return seconds([sys.executable, str(script), *typed], env=os.environ | path)

    pairs = [(cost_of_a_job(ours), cost_of_a_job(theirs)) for _ in range(TURNS)]
    own, other = (median(pair[side] for pair in pairs) for side in (0, 1))
    print(f"{name}: {own:.2f} s a job that trains next to nothing, {other:.2f} s one of theirs "
          f"that does nothing; {own - other:.2f} s added")  # fmt: skip


def slurm(folder: Path) -> None:
    """A real SLURM."""
    cluster = Slurm(folder / "slurm")
    os.environ |= cluster.environment
    try:
        cluster.start()
        compare("SLURM", folder, ["hydra/launcher=slurm"], ["hydra/launcher=submitit_slurm"])
    finally:
        cluster.stop()


def ray(folder: Path) -> None:
    """Ray on this machine."""
    compare("Ray", folder, ["hydra/launcher=ray"], ["hydra/launcher=ray"])


if __name__ == "__main__":
    for part in (slurm, ray):
        if part.__name__ in sys.argv[1:] or not sys.argv[1:]:
            with TemporaryDirectory() as scratch:
                part(Path(scratch))
