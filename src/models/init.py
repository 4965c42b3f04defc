"""Initialisations: functions of a layer and of the activation after it."""

from collections.abc import Callable

from torch import nn

Activation = Callable[[], nn.Module] | None
Layer = nn.Linear | nn.Conv2d
Init = Callable[[Layer, Activation], None]


def initialise(model: nn.Module, init: Init, activation: Activation) -> None:
    """Apply `init` to every layer with weights, from the input to the output."""
    for layer in model.modules():
        if isinstance(layer, Layer):
            init(layer, activation)


def torch_default(layer: Layer, activation: Activation) -> None:
    """Keep torch's own draw: uniform in ±1/sqrt(fan_in), biases too."""


def glorot_uniform(layer: Layer, activation: Activation, gain: float) -> None:
    """Draw uniformly in ±gain·sqrt(6/(fan_in + fan_out)) (Glorot & Bengio 2010), zero biases."""
    nn.init.xavier_uniform_(layer.weight, gain)
    _zero_bias(layer)


def he_uniform(layer: Layer, activation: Activation) -> None:
    """Draw uniformly in ±sqrt(6/fan_in) (He et al. 2015), zero biases."""
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    _zero_bias(layer)


def he_normal_fan_out(layer: Layer, activation: Activation) -> None:
    """Draw normally with variance 2/fan_out (He et al. 2015), zero biases."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    _zero_bias(layer)


def matched(layer: Layer, activation: Activation) -> None:
    """Draw Glorot uniform for sigmoid (gain 4), tanh (5/3) and no activation (1), else He uniform.

    The sigmoid's gain is its inverse slope at 0 (Glorot & Bengio 2010), tanh's is torch's.
    """
    kind = type(activation()) if activation else nn.Identity
    gains = {nn.Sigmoid: 4.0, nn.Tanh: 5 / 3, nn.Identity: 1.0}
    if kind in gains:
        glorot_uniform(layer, activation, gains[kind])
    else:
        he_uniform(layer, activation)


def _zero_bias(layer: Layer) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
