"""fairsweep: sweeps over MNIST classifiers whose comparisons can be trusted."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # conf and outputs lie here, wherever the user stands
