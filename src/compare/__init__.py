"""Comparisons of runs: pure functions of records that know nothing of training or tracking."""

from src.compare.comparison import Comparison, ComparisonError, compare, foresee
from src.compare.report import write
from src.compare.tables import table

__all__ = ["Comparison", "ComparisonError", "compare", "foresee", "table", "write"]
