"""Made-up runs whose errors a test decides."""

from collections.abc import Iterable

import numpy as np

from src.metrics import Epoch, Run


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
        "test_error": min((epoch.val_error for epoch in epochs), default=np.nan) + 0.001,
    }
    return Run(seed=seed, config=config, epochs=epochs, **given | fields)
