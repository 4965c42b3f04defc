"""Small residual network (He et al. 2016, "Deep residual learning", section 4.2)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from src.models.image import image_shape
from src.models.init import Init, initialise
from src.models.norm import maps_norm


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (N, inputs, H, W) to (N, outputs, H, W) / stride."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, norm: str, activation: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=norm == "none"),
            *maps_norm(norm, outputs),
            activation(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=norm == "none"),
            *maps_norm(norm, outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=norm == "none")
            self.shortcut = nn.Sequential(projection, *maps_norm(norm, outputs))
        self.activation = activation()

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(self.convolutions(maps) + self.shortcut(maps))


class ResNet(nn.Sequential):
    """(N, channels, height, width) images to (N, classes) logits.

    A convolution, then a stage of `blocks` for each of `channels`; every stage but the first
    halves the image. The mean over all that is left of it goes to the logits. With three stages
    these are 6 x blocks + 2 layers.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: int,
        norm: str,
        activation: Callable[[], nn.Module],
        init: Init,
        input_shape: Sequence[int],
        classes: int,
    ) -> None:
        inputs, _, _ = image_shape("resnet", input_shape)
        stem = nn.Conv2d(inputs, channels[0], 3, 1, 1, bias=norm == "none")
        layers: list[nn.Module] = [stem, *maps_norm(norm, channels[0]), activation()]
        inputs = channels[0]
        for stage, outputs in enumerate(channels):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layers.append(Block(inputs, outputs, stride, norm, activation))
                inputs = outputs
        pooling = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
        super().__init__(*layers, *pooling)
        initialise(self, init, activation)
        self.to(memory_format=torch.channels_last)
