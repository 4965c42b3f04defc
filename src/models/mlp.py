"""Multilayer perceptron."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from src.models.init import Init, initialise
from src.models.norm import dropout as dropout_layer
from src.models.norm import features_norm


class MLP(nn.Sequential):
    """(N, *input_shape) examples to (N, classes) logits through `depth` hidden layers of `width`.

    depth 0: inputs - classes, which is softmax regression.
    depth 1: inputs - width - classes.
    depth 2: inputs - width - width - classes.
    A hidden layer is linear, then `norm` (none, batch or layer), the activation, and dropout.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        norm: str,
        dropout: float,
        activation: Callable[[], nn.Module],
        init: Init,
        input_shape: Sequence[int],
        classes: int,
    ) -> None:
        widths = [math.prod(input_shape)] + [width] * depth
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), *features_norm(norm, outputs)]
            layers += [activation(), *dropout_layer(dropout)]
        super().__init__(*layers, nn.Linear(widths[-1], classes))
        initialise(self, init, activation if depth else None)
