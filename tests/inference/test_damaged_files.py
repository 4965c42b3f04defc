"""Files of a run that were damaged where they are kept."""

import numpy as np
import pytest

from src.inference import restore


@pytest.fixture
def damaged(runs, tmp_path) -> str:
    """Return a run whose arrays are no archives any more."""
    run_id = runs.job(("model=softmax",))
    for name in ("val_predictions.npz", "inputs.npz"):
        file = tmp_path / name
        np.savez_compressed(file, inputs=np.zeros((2, 1, 28, 28)), predicted=[1], labels=[1])
        file.write_bytes(file.read_bytes()[:-30])
        runs.store.client.log_artifact(run_id, str(file))
    return run_id


@pytest.mark.slow
def test_a_run_with_damaged_arrays_is_compared_and_restored_without_them(runs, damaged, tmp_path):
    source = runs.source
    assert source.correct(damaged) is None
    found = restore.examples(source.fetch, source.run(damaged), tmp_path / "given")
    assert not found.any()
