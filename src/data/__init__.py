"""Datasets as tensors in memory, split the same way for the same split seed."""

from src.data.splits import Split, Splits

__all__ = ["Split", "Splits"]
