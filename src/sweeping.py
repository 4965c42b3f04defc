"""The part of the project that its Hydra sweeper uses: one arrow from a plugin to the code."""

from src.hydra_internals import basic_sweeper
from src.job_source import error_of
from src.sweep.growing import depends_on_results, open_rounds

__all__ = ["basic_sweeper", "depends_on_results", "error_of", "open_rounds"]
