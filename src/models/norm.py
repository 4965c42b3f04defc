"""Normalisation layers by name."""

from torch import nn


def features_norm(name: str, width: int) -> list[nn.Module]:
    """Return the layer that normalises (N, width): batch (Ioffe & Szegedy 2015) or layer.

    `none` is no layer. Layer normalisation is that of Ba et al. 2016.
    """
    if name == "layer":
        return [nn.LayerNorm(width)]
    return [nn.BatchNorm1d(width)] if name == "batch" else []


def maps_norm(name: str, channels: int) -> list[nn.Module]:
    """Return the layer that normalises (N, channels, H, W); `layer` is over all of an example."""
    if name == "layer":
        return [nn.GroupNorm(1, channels)]
    return [nn.BatchNorm2d(channels)] if name == "batch" else []


def dropout(share: float) -> list[nn.Module]:
    """Return the layer that sets this share of its inputs to 0 in training; none for 0."""
    return [nn.Dropout(share)] if share else []
