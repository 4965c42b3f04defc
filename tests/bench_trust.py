"""Errors of verdicts and intervals in simulated sweeps, and in real trainings.

python tests/bench_trust.py null [SWEEPS]    false verdicts and coverage where all arms are equal
python tests/bench_trust.py partial [SWEEPS] the same where one arm differs
python tests/bench_trust.py design [SWEEPS]  false verdicts and coverage of a factorial design
python tests/bench_trust.py looks [SWEEPS]   false verdicts over several looks
python tests/bench_trust.py power [SWEEPS]   true gaps found, and equivalence
python tests/bench_trust.py trained [SWEEPS] false verdicts on equal arms, trained on MNIST
python tests/bench_trust.py tuned [SWEEPS]   the same, each arm at the best of four learning rates
python tests/bench_trust.py unseen [SWEEPS]  scores of unequal arms against those on unseen digits
"""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from src.compare.factorial import find_effects
from src.compare.family import ALPHA, estimate, estimate_family, flip_maxima
from src.compare.pairs import pair_up
from src.compare.sequential import look_levels
from src.compare.sign_flips import all_flips
from src.compare.variants import find_variants
from src.data import mnist
from src.data.download import folder
from src.data.splits import Split, Splits, make_splits
from src.models.init import matched
from src.models.mlp import MLP
from src.rng import global_stream, stream
from src.training.fit import evaluate, fit
from src.training.selection import keep_best
from tests.compare.records import make_run

Contrasts = Callable[[np.ndarray], np.ndarray]  # (arms, seeds) to (contrasts, seeds)
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


def judged(
    law: str, arms: int, n: int, sweeps: int, gap: float = 0.0, contrasts: Contrasts = pairs
) -> Iterator[tuple[bool, bool]]:
    """Yield for each sweep whether a verdict was false, and whether all intervals covered."""
    rng = np.random.default_rng([arms, n, len(law)])
    shifts = np.array([gap] + [0.0] * (arms - 1))
    centres = contrasts(shifts[:, None])[:, 0]
    for _ in range(sweeps):
        found = estimate_family(contrasts(LAWS[law](rng, (arms, n)) + shifts[:, None]))
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


def design(sweeps: int) -> None:
    """Print the errors of the family of two activations at five depths: pairs and effects."""
    cells = [{"activation": a, "model.depth": f"{d}"} for a in "ab" for d in range(1, 6)]
    variants = find_variants([make_run(cell, 0, [0.1]) for cell in cells])
    both, effects = pair_up(variants, variants[0]), find_effects(variants, variants[0])
    weights = [*({a: 1.0, b: -1.0} for a, b in both), *(effect.weights for effect in effects)]
    matrix = np.array([[each.get(variant, 0.0) for variant in variants] for each in weights])
    for n, law in product(SEEDS, LAWS):
        found = [*judged(law, len(cells), n, sweeps, contrasts=lambda errors: matrix @ errors)]
        false, covered = np.mean(found, axis=0)
        print(
            f"2 x 5 design, {len(matrix)} contrasts {n:3} seeds {law:11} "
            f"false {false:.4f} covered {covered:.4f}",
            flush=True,
        )


def looks_err(declared: Sequence[int], taken: Sequence[int], errors: np.ndarray) -> bool:
    """Return whether a look finds a difference in errors, (arms, seeds), of equal arms.

    An interval excludes 0 only where the largest score is among the 5 % of its flips, since no look
    has a higher level. So the test itself, much slower, is left out where no look reaches that.
    """
    differences = pairs(errors)
    for n in taken:
        maxima = flip_maxima(differences[:, :n], all_flips(n))
        if np.mean(maxima >= maxima[0]) <= ALPHA:
            break
    else:
        return False
    known = [np.where(np.arange(taken[-1]) < n, differences, np.nan) for n in taken]
    return any(
        each.excludes_zero
        for at, level in zip(known, look_levels(declared, taken, known), strict=True)
        for each in estimate_family(at, level)
    )


def looks(sweeps: int) -> None:
    for declared, taken in (([8, 12, 16], [8, 12, 16]), ([], [6, 8, 10]), ([], [*range(6, 17)])):
        for arms, law in product((2, 5), LAWS):
            rng = np.random.default_rng([arms, len(law)])
            false = sum(
                looks_err(declared, taken, LAWS[law](rng, (arms, taken[-1]))) for _ in range(sweeps)
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


@lru_cache(maxsize=1)
def digits(sweep: int) -> tuple[tuple[Tensor, Tensor], Split]:
    """Return a sweep's pool of 59,000 digits in random order, and its own test set of 1,000."""
    images, labels, *_ = mnist.read(folder("mnist", os.environ["MNIST_ROOT"]), "mnist")
    rows = torch.randperm(len(labels), generator=stream(sweep, "test set"))
    pool = (images[rows[1_000:]], labels[rows[1_000:]])
    return pool, Split(images, labels, rows[:1_000])


def untouched(pool: tuple[Tensor, Tensor], splits: Splits) -> Split:
    """Return 10,000 of the pool that the splits do not hold, drawn as the test set was."""
    free = torch.ones(len(pool[1]), dtype=torch.bool)
    for split in (splits.train, splits.val):
        free[split.rows] = False
    return Split(*pool, free.nonzero()[:10_000, 0])


def trained(
    sweep: int,
    seed: int,
    *,
    start: str = "",
    lr: float = 0.05,
    epochs: int = 2,
    cosine: bool = False,
) -> tuple[float, float, float]:
    """Train 32 ReLUs on 1,000 digits, and take the epoch of the lowest error on 500 others.

    Return the errors on these 500, on the sweep's test set, and on digits that nothing else sees.
    """
    pool, test = digits(sweep)
    splits = make_splits("mnist", "", pool, test, n=1_500, val_fraction=1 / 3, split_seed=seed)
    with global_stream(seed, f"initialisation {start}"):
        model = MLP(1, 32, "none", 0.0, nn.ReLU, matched, splits.input_shape, splits.classes)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    schedules = torch.optim.lr_scheduler
    schedule = (
        schedules.CosineAnnealingLR(optimizer, epochs)
        if cosine
        else schedules.ConstantLR(optimizer, 1.0)
    )
    loss = nn.CrossEntropyLoss()
    run = fit(
        model,
        optimizer,
        splits,
        loss=loss,
        schedule=schedule,
        order=stream(seed, "batch order"),
        epochs=range(1, epochs + 1),
        batch_size=16,
        clip_norm=None,
        diagnostics=False,
    )
    result = keep_best(run, model, patience=None)
    assert result.weights
    assert result.best
    model.load_state_dict(result.weights)
    found = [evaluate(model, split, loss)["error"] for split in (test, untouched(pool, splits))]
    return result.best.val_error, *found


def equal_arms(sweeps: int, rates: Sequence[float] = (0.05,), n: int = 6) -> None:
    """Compare two arms that differ in the initialisation alone, and count verdicts.

    With several rates each arm first chooses one on a seed that is not reported.
    """
    false = 0
    for sweep in range(sweeps):
        first, *seeds = range(sweep * (n + 1), (sweep + 1) * (n + 1))
        errors = []
        for start in ("a", "b"):
            tried = {lr: trained(sweep, first, start=start, lr=lr)[0] for lr in rates}
            lr = min(tried, key=tried.__getitem__)
            errors.append([trained(sweep, seed, start=start, lr=lr)[1] for seed in seeds])
        false += estimate(np.subtract(*errors)).excludes_zero
        if (sweep + 1) % 20 == 0:
            print(f"{false} false verdicts in {sweep + 1} sweeps of equal arms", flush=True)


def unseen(sweeps: int, n: int = 6) -> None:
    """Compare 5 epochs of a cosine with 20 at a constant rate, and hold both scores to the truth.

    The truth of a sweep is the difference on digits that neither training, selection nor the
    verdict saw. Of eight learning rates from 0.02 to 0.3 this is the one at which it is nearest
    to 0 with the 30 seeds below, so their figures show no more than what was chosen by.
    """

    def differences(sweep: int, seeds: Sequence[int]) -> np.ndarray:
        """Return those of the three errors, in points, (seeds, 3)."""
        arms = [
            [trained(sweep, seed, lr=0.07, epochs=epochs, cosine=epochs == 5) for seed in seeds]
            for epochs in (5, 20)
        ]
        return 100 * np.subtract(*arms)

    many = differences(-1, range(30))
    for name, column in zip(("best validation", "test", "unseen"), many.T, strict=True):
        found = estimate(column)
        print(f"30 seeds, {name}: {found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})")
    bias = []
    for sweep in range(sweeps):
        val, test, truth = differences(sweep, range(sweep * n, (sweep + 1) * n)).mean(axis=0)
        bias.append((val - truth, test - truth))
        if (sweep + 1) % 20 == 0:
            half = 1.96 * np.std(bias, axis=0, ddof=1) / math.sqrt(len(bias))
            told = [f"{m:+.3f} ± {h:.3f}" for m, h in zip(np.mean(bias, axis=0), half, strict=True)]
            print(
                f"{len(bias)} sweeps, difference less that on unseen digits: "
                f"best validation {told[0]}, test {told[1]}",
                flush=True,
            )


RATES = (0.01, 0.03, 0.1, 0.3)
MODES: dict[str, Callable[[int], None]] = {
    "null": null,
    "partial": partial(null, gap=1.0),
    "design": design,
    "looks": looks,
    "power": power,
    "trained": equal_arms,
    "tuned": partial(equal_arms, rates=RATES),
    "unseen": unseen,
}


def main(what: str, sweeps: str = "10000") -> None:
    number = int(sweeps)
    torch.set_num_threads(1)
    error = 2 * math.sqrt(ALPHA * (1 - ALPHA) / number)
    print(f"{number} sweeps each; 2 standard errors at 5 %: {error:.4f}")
    MODES[what](number)


if __name__ == "__main__":
    main(*sys.argv[1:])
