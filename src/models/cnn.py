"""Convolutional network in the manner of LeNet-5 (LeCun et al. 1998)."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from src.errors import InputError
from src.models.image import image_shape
from src.models.init import Init, initialise
from src.models.norm import dropout as dropout_layer
from src.models.norm import features_norm, maps_norm

POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


class CNN(nn.Sequential):
    """(N, channels, height, width) images to (N, classes) logits.

    Each of `channels` is a block: unpadded convolution, `norm` (none, batch or layer), activation,
    2x2 pooling. One fully connected hidden layer of `hidden` units follows, with norm, activation
    and dropout, then the logits. Raises InputError when the blocks leave no pixel.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernel_size: int,
        pool: str,
        hidden: int,
        norm: str,
        dropout: float,
        activation: Callable[[], nn.Module],
        init: Init,
        input_shape: Sequence[int],
        classes: int,
    ) -> None:
        layers: list[nn.Module] = []
        inputs, height, width = image_shape("cnn", input_shape)
        shape = f"{height}x{width}"
        for outputs in channels:
            height, width = ((side - kernel_size + 1) // 2 for side in (height, width))
            layers += [nn.Conv2d(inputs, outputs, kernel_size), *maps_norm(norm, outputs)]
            layers += [activation(), POOLS[pool](2)]
            inputs = outputs
        if min(height, width) < 1:
            raise InputError(
                f"model.channels={list(channels)}: with model.kernel_size={kernel_size} the blocks "
                f"must leave a pixel of {shape}: fewer blocks or a smaller kernel"
            )
        layers += [nn.Flatten(), nn.Linear(inputs * height * width, hidden)]
        layers += [*features_norm(norm, hidden), activation(), *dropout_layer(dropout)]
        super().__init__(*layers, nn.Linear(hidden, classes))
        initialise(self, init, activation)
        self.to(memory_format=torch.channels_last)
