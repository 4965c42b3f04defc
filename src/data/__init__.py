"""Datasets as tensors in memory, split the same way for the same split seed."""
