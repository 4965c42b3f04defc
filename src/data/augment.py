"""Augmentations of training images: functions of inputs (B, C, H, W) in [0, 1] and of a generator.

Each example has draws of its own. A transform of torchvision draws once for all that it is given,
so `per_image` gives it one image at a time.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional

from src.errors import InputError


def unchanged(images: Tensor, draw: Generator) -> Tensor:
    """Return inputs of any shape as they are."""
    return images


def shift(images: Tensor, draw: Generator, pixels: int) -> Tensor:
    """Move each image by up to `pixels` in both directions; what comes in is 0."""
    _check_images(images, "shift")
    size, (height, width) = len(images), images.shape[2:]
    if pixels >= min(height, width):
        raise InputError(f"augment.pixels={pixels}: must be below the images' {width}x{height}")
    offsets = torch.randint(0, 2 * pixels + 1, (2, size), generator=draw).to(images.device)
    padded = functional.pad(images, (pixels,) * 4)
    rows = offsets[0][:, None] + torch.arange(height, device=images.device)  # (B, H)
    columns = offsets[1][:, None] + torch.arange(width, device=images.device)  # (B, W)
    examples = torch.arange(size, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[examples, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def affine(
    images: Tensor, draw: Generator, degrees: float, translate: float, scale: float
) -> Tensor:
    """Turn, move and scale each image about its centre, bilinearly; what comes in is 0.

    Angles are uniform in ±`degrees`, moves in ±`translate` of the image's size, and factors
    between 1/(1+`scale`) and 1+`scale`, uniform in their logarithm.
    """
    _check_images(images, "affine")
    size, (height, width) = len(images), images.shape[2:]
    uniform = torch.rand(4, size, generator=draw) * 2 - 1
    angle, factor = uniform[0] * math.radians(degrees), torch.exp(uniform[1] * math.log1p(scale))
    cos, sin, aspect = angle.cos() / factor, angle.sin() / factor, height / width
    rows = [cos, -sin * aspect, 2 * translate * uniform[2]]
    columns = [sin / aspect, cos, 2 * translate * uniform[3]]
    matrices = torch.stack([torch.stack(rows, 1), torch.stack(columns, 1)], 1).to(images.device)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def per_image(images: Tensor, draw: Generator, transform: Callable[[Tensor], Tensor]) -> Tensor:
    """Put each image through one of torchvision.transforms.v2, which draws from `draw` then."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(draw.get_state())
        changed = torch.stack([transform(image) for image in images])
        draw.set_state(torch.get_rng_state())
    return changed


def _check_images(inputs: Tensor, name: str) -> None:
    if inputs.ndim != 4:
        shape = tuple(inputs.shape[1:])
        raise InputError(f"augment={name}: needs images (channels, height, width); has {shape}")
