"""Comparisons of runs: pure functions of records, independent of training and tracking."""

from src.callable_package import make_callable
from src.compare.baseline import ComparisonError
from src.compare.comparison import Comparison, compare
from src.compare.power import power_note
from src.compare.report import write
from src.compare.terminal import table

__all__ = ["Comparison", "ComparisonError", "compare", "power_note", "table", "write"]

make_callable(__name__)
