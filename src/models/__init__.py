"""Classifiers of 28x28 images: plain modules that return logits."""

from src.models.cnn import CNN
from src.models.mlp import MLP
from src.models.softmax import Softmax

__all__ = ["CNN", "MLP", "Softmax"]
