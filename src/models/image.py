"""The shape of the images that a convolutional network takes."""

from collections.abc import Sequence

from src.errors import InputError


def image_shape(model: str, input_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return channels, height and width; raise InputError for examples that are no images."""
    if len(input_shape) != 3:
        raise InputError(
            f"model={model}: needs images (channels, height, width); the examples of these data "
            f"are of shape {tuple(input_shape)}"
        )
    channels, height, width = input_shape
    return channels, height, width
