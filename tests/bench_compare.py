"""Time of the comparison of 1,000 runs of 20 epochs; python tests/bench_compare.py.

The pairs are held against scipy's permutation_test, called once a pair.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from src.compare import compare, write
from src.compare.family import estimate_family
from src.config.compare_settings import CompareSettings
from src.metrics import Epoch, Run

DIGITS = 10_000


def main() -> None:
    for variants, seeds in ((100, 10), (20, 50)):
        runs = make_runs(variants, seeds)
        print(f"{variants} variants x {seeds} seeds x 20 epochs")
        everything, comparison = timed(lambda runs=runs: built(runs))
        print(f"  compared and written, imports included  {everything:6.2f} s")
        pairs = comparison.pairs
        differences = np.array([pair.differences for pair in pairs])
        ours, _ = timed(lambda differences=differences: estimate_family(differences))
        theirs, _ = timed(lambda pairs=pairs: scipys(pairs[::10]))
        print(f"  {len(pairs)} pairs: maxT, simultaneous intervals {ours:6.2f} s")
        print(f"  scipy.stats.permutation_test, p alone   {10 * theirs:6.2f} s (from a tenth)")
        print(f"  ratio                                   {10 * theirs / ours:6.1f}")


def make_runs(variants: int, seeds: int) -> list[Run]:
    rng = np.random.default_rng(0)
    return [
        make_run({"optimizer": "sgd", "optimizer.lr": f"{lr / 1000}"}, seed, rng)
        for lr in range(1, variants + 1)
        for seed in range(seeds)
    ]


def make_run(config: dict[str, str], seed: int, rng: np.random.Generator) -> Run:
    errors = np.round(0.02 + 0.1 * 0.5 ** np.arange(20) + rng.normal(0, 0.001, 20), 4)
    epochs = tuple(Epoch(e, 0.1, 0.01, 0.1, v, 0.1, 0.5) for e, v in enumerate(errors.tolist(), 1))
    run_id = f"{config['optimizer.lr']}-{seed}"
    return Run(
        run_id, run_id, "FINISHED", "finished", seed, config, "mnist", "5f2c0e", f"{seed}", epochs
    )


def built(runs: list[Run]):
    def correct(_run_id: str) -> np.ndarray:
        return rng.random(DIGITS) > 0.02

    rng = np.random.default_rng(1)
    settings = CompareSettings(None, None, None, margin=0.1, looks=None, target_error=0.03)
    comparison = compare(runs, settings, correct=correct)
    with TemporaryDirectory() as folder:
        write(comparison, Path(folder), {})
    return comparison


def scipys(pairs) -> None:
    from scipy.stats import permutation_test

    for pair in pairs:
        exact = pair.estimate.n <= 16
        permutation_test(
            (pair.differences,),
            np.mean,
            permutation_type="samples",
            n_resamples=np.inf if exact else 2**16 - 1,
            vectorized=True,
            rng=0,
        )


def timed(work: Callable):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
