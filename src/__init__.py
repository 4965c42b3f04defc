"""fairsweep: sweeps over MNIST classifiers whose comparisons can be trusted."""

from pathlib import Path

CODE = Path(__file__).parents[1]  # src and conf that run: a clone's, or a copy for queued jobs
# Outputs and git's history lie here, wherever the user stands; a copy has a link to its clone.
ROOT = link.resolve() if (link := CODE / "clone").is_symlink() else CODE

# Before any other module of this project: it keeps their sources as they are imported.
from src import code_digest  # noqa: E402, F401
