"""Normalisation of inputs as the first layer of a network, so that it goes where the weights go."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from src.data.splits import Split

CHUNK = 4_096  # examples whose statistics are taken at once


class Standard(nn.Module):
    """Inputs (N, *input_shape) with mean 0 and standard deviation 1 in the training split.

    The statistics are those of each channel of images, of each feature of rows. One that is
    constant becomes 0.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        shape = [input_shape[0]] + [1] * (len(input_shape) - 1)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def measure(self, train: Split) -> None:
        """Take the statistics of the training split."""
        total = squares = torch.zeros((), dtype=torch.float64)
        for start in range(0, len(train), CHUNK):
            inputs = train.batch(slice(start, start + CHUNK))[0].cpu().double()
            values = inputs.transpose(0, 1).flatten(1)  # (channels, all of their values)
            total = total + values.mean(1) * len(inputs)
            squares = squares + values.square().mean(1) * len(inputs)
        mean = total / len(train)
        std = (squares / len(train) - mean.square()).clamp(min=0).sqrt()
        is_constant = std <= 1e-7 * mean.abs()
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.std.copy_(torch.where(is_constant, 1, std).reshape(self.std.shape))

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs - self.mean) / self.std
