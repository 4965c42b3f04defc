"""Classifiers: plain modules that return logits."""
