"""Multilayer perceptron."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn

from src.models.init import Init, initialise


class MLP(nn.Sequential):
    """(N, 1, 28, 28) images to (N, classes) logits through `depth` hidden layers of `width`.

    depth 0: 784 - classes, which is softmax regression.
    depth 1: 784 - width - classes.
    depth 2: 784 - width - width - classes.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        activation: Callable[[], nn.Module],
        init: Init,
        classes: int,
    ) -> None:
        widths = [784] + [width] * depth
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), activation()]
        super().__init__(*layers, nn.Linear(widths[-1], classes))
        initialise(self, init, activation if depth else None)
