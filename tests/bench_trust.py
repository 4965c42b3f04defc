"""Errors of verdicts and intervals in simulated sweeps, and in real trainings of equal arms.

python tests/bench_trust.py null [SWEEPS]    false verdicts and coverage where all arms are equal
python tests/bench_trust.py partial [SWEEPS] the same where one arm differs
python tests/bench_trust.py looks [SWEEPS]   false verdicts over several looks
python tests/bench_trust.py power [SWEEPS]   true gaps found, and equivalence
python tests/bench_trust.py training [SWEEPS] equal arms trained on mnist_5k; with their test error
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from src.compare.family import ALPHA, estimate, estimate_family
from src.compare.sequential import look_levels

Laws = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
LAWS: dict[str, Laws] = {
    "normal": lambda rng, size: rng.normal(0, 0.1, size),
    "laplace": lambda rng, size: rng.laplace(0, 0.1, size),
    "log-normal": lambda rng, size: 0.1 * rng.lognormal(size=size),
    "stalling": lambda rng, size: 88.0 * (rng.random(size) < 0.3) + rng.normal(0, 0.1, size),
}
ARMS, SEEDS = (2, 5, 10), (6, 10, 20)


def pairs(errors: np.ndarray) -> np.ndarray:
    """All differences of two arms, (arms, seeds) to (pairs, seeds)."""
    first, second = np.triu_indices(len(errors), 1)
    return errors[first] - errors[second]


def judged(law: str, arms: int, n: int, sweeps: int, gap: float) -> Iterator[tuple[bool, bool]]:
    """Yield for each sweep whether a verdict was false, and whether all intervals covered."""
    rng = np.random.default_rng([arms, n, len(law)])
    shifts = np.array([gap] + [0.0] * (arms - 1))
    centres = pairs(shifts[:, None])[:, 0]
    for _ in range(sweeps):
        found = estimate_family(pairs(LAWS[law](rng, (arms, n)) + shifts[:, None]))
        told = [*zip(found, centres, strict=True)]
        yield (
            any(each.excludes_zero and each.mean * centre <= 0 for each, centre in told),
            all(each.low <= centre <= each.high for each, centre in told),
        )


def null(sweeps: int, gap: float = 0.0) -> None:
    for arms, n, law in product(ARMS if not gap else ARMS[1:], SEEDS, LAWS):
        false, covered = np.mean([*judged(law, arms, n, sweeps, gap)], axis=0)
        print(
            f"{arms:3} arms {n:3} seeds {law:11} false {false:.4f} covered {covered:.4f}",
            flush=True,
        )


def looks(sweeps: int) -> None:
    for declared, taken in (([8, 12, 16], [8, 12, 16]), ([], [6, 8, 10]), ([], [*range(6, 17)])):
        for arms, law in product((2, 5), LAWS):
            rng, false = np.random.default_rng([arms, len(law)]), 0
            for _ in range(sweeps):
                errors = pairs(LAWS[law](rng, (arms, taken[-1])))
                known = [np.where(np.arange(taken[-1]) < n, errors, np.nan) for n in taken]
                levels = look_levels(declared, taken, known)
                false += any(
                    each.excludes_zero
                    for at, level in zip(known, levels, strict=True)
                    for each in estimate_family(at, level)
                )
            told = f"declared {declared}" if declared else "undeclared"
            print(
                f"looks {taken} {told}: {arms} arms {law:11} false {false / sweeps:.4f}", flush=True
            )


def power(sweeps: int) -> None:
    rng = np.random.default_rng(0)
    for n in (6, 8, 10):
        found = []
        for _ in range(sweeps):
            errors = rng.normal(0, 0.12 / math.sqrt(2), (10, n))
            errors[5:] += 0.5
            differences = pairs(errors)
            true = pairs(np.repeat([0, 0.5], 5)[:, None])[:, 0] != 0
            estimates = estimate_family(differences)
            found.append(
                np.mean(
                    [e.excludes_zero for e, is_true in zip(estimates, true, strict=True) if is_true]
                )
            )
        print(
            f"gaps of 0.5 points among 45 pairs, {n} seeds, paired sd 0.12: "
            f"{np.mean(found):.3f} found"
        )
    for n in (10, 20):
        draws = rng.normal(0, 0.12, (sweeps, n))
        within = np.mean([estimate(each).lies_within(0.1) for each in draws])
        false = np.mean([estimate(each + 0.1).lies_within(0.1) for each in draws])
        print(f"equivalence, {n} seeds, sd 0.12, margin 0.1: power {within:.3f}, size {false:.4f}")


def training(sweeps: int, n: int = 6) -> None:
    """Train the same network under other seeds in both arms, and count verdicts and differences."""
    import torch

    from src.data.mnist_5k import load
    from src.models.init import matched
    from src.models.mlp import MLP
    from src.rng import global_stream, stream
    from src.training.fit import evaluate, train_epoch

    torch.set_num_threads(1)
    loss, false, start = torch.nn.CrossEntropyLoss(), 0, time.perf_counter()

    def error(seed: int, arm: int) -> float:
        """Test error after two epochs; the arms differ in the initialisation alone."""
        splits = load(n=1500, target="digit", val_fraction=0.2, split_seed=seed)
        with global_stream(seed, f"initialisation {arm}"):
            model = MLP(1, 32, "none", 0.0, torch.nn.ReLU, matched, (1, 28, 28), splits.classes)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        order = stream(seed, "batch order")
        for _ in range(2):
            train_epoch(model, optimizer, splits.train, loss, order, 64, None)
        return evaluate(model, splits.test or splits.val, loss)["error"]

    for sweep in range(sweeps):
        seeds = range(sweep * n, (sweep + 1) * n)
        false += estimate([error(seed, 0) - error(seed, 1) for seed in seeds]).excludes_zero
        if (sweep + 1) % 20 == 0:
            seconds = time.perf_counter() - start
            print(
                f"{false} false verdicts in {sweep + 1} sweeps of equal arms, {seconds:.0f} s",
                flush=True,
            )


def main(what: str, sweeps: str = "10000") -> None:
    number = int(sweeps)
    print(
        f"{number} sweeps each; "
        f"2 standard errors at 5 %: {2 * math.sqrt(ALPHA * 0.95 / number):.4f}"
    )
    if what == "partial":
        null(number, gap=1.0)
    else:
        {"null": null, "looks": looks, "power": power, "training": training}[what](number)


if __name__ == "__main__":
    main(*sys.argv[1:])
