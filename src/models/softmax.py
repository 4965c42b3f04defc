"""Softmax regression: logits that are linear in the pixels."""

from torch import nn

from src.models.init import Init, initialise


class Softmax(nn.Sequential):
    """(N, 1, 28, 28) images to (N, classes) logits; 784 x classes weights and classes biases."""

    def __init__(self, init: Init, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, classes))
        initialise(self, init, activation=None)
