"""Convolutional network in the manner of LeNet-5 (LeCun et al. 1998)."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from src.errors import InputError
from src.models.init import Init, initialise

POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


class CNN(nn.Sequential):
    """(N, 1, 28, 28) images to (N, classes) logits.

    Each of `channels` is a block: unpadded convolution, activation, 2x2 pooling. One fully
    connected hidden layer of `hidden` units follows, then the logits.
    Raises InputError when the blocks leave no pixel.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernel_size: int,
        pool: str,
        hidden: int,
        activation: Callable[[], nn.Module],
        init: Init,
        classes: int,
    ) -> None:
        layers: list[nn.Module] = []
        inputs, side = 1, 28
        for outputs in channels:
            side = (side - kernel_size + 1) // 2
            layers += [nn.Conv2d(inputs, outputs, kernel_size), activation(), POOLS[pool](2)]
            inputs = outputs
        if side < 1:
            raise InputError(
                f"model.channels={list(channels)}: with model.kernel_size={kernel_size} the blocks "
                "must leave a pixel of 28x28: fewer blocks or a smaller kernel"
            )
        layers += [nn.Flatten(), nn.Linear(inputs * side**2, hidden), activation()]
        super().__init__(*layers, nn.Linear(hidden, classes))
        initialise(self, init, activation)
        self.to(memory_format=torch.channels_last)
