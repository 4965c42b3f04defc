"""Comparisons of runs: pure functions of records, independent of training and tracking."""

from src.callable_package import make_callable
from src.compare.comparison import Comparison, compare
from src.compare.report import write

__all__ = ["Comparison", "compare", "write"]

make_callable(__name__)
