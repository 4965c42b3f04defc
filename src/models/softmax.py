"""Softmax regression: logits that are linear in the inputs."""

import math
from collections.abc import Sequence

from torch import nn

from src.models.init import Init, initialise


class Softmax(nn.Sequential):
    """(N, *input_shape) examples to (N, classes) logits; inputs x classes weights, and biases."""

    def __init__(self, init: Init, input_shape: Sequence[int], classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(math.prod(input_shape), classes))
        initialise(self, init, activation=None)
