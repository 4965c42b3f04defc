"""Classifiers of 28x28 images: plain modules that return logits."""
