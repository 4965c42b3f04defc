"""Made-up runs whose errors a test decides."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from src.compare import Comparison, compare
from src.config.compare_settings import CompareSettings
from src.metrics import TEST_ERROR, Epoch, Run


def make_run(config, seed, errors: Iterable[float], **fields) -> Run:
    """A run that has these validation errors, one an epoch."""
    epochs = tuple(
        Epoch(number, 2 * error, error / 2, 2 * error + 0.01, error, 0.1, 0.5)
        for number, error in enumerate(errors, 1)
    )
    label = " ".join(f"{key}={value}" for key, value in config.items())
    given = {
        "run_id": f"{label} seed={seed}",
        "name": f"{label} seed={seed}",
        "status": "FINISHED",
        "outcome": "finished",
        "dataset": "mnist",
        "digest": "5f2c0e",
        "split": f"split-{seed}",
        "summary": {TEST_ERROR: min((e.val_error for e in epochs), default=np.nan) + 0.001},
    }
    return Run(seed=seed, config=config, epochs=epochs, **given | fields)


def arms(**errors: Iterable[float]) -> list[Run]:
    """One variant for each name, with these best errors by seed."""
    return [
        make_run({"activation": name}, seed, [0.5, error])
        for name, by_seed in errors.items()
        for seed, error in enumerate(by_seed)
    ]


SETTINGS = CompareSettings(None, None, None, margin=0.1, looks=None, target_error=None)  # of conf


def compare_runs(
    runs, correct=lambda _: None, looks=(), declared_looks=None, **settings
) -> Comparison:
    """Compare with the defaults of the config, but for `settings` and the declared looks."""
    own = replace(SETTINGS, looks=declared_looks, **settings)
    return compare(runs, own, correct=correct, looks=looks)
