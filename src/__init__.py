"""fairsweep: sweeps over MNIST classifiers whose comparisons can be trusted."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # conf and outputs lie here, wherever the user stands

# Before any other module of this project: it keeps their sources as they are imported.
from src import code_digest  # noqa: E402, F401
