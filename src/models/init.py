"""Initialisations: functions of a layer and of the activation after it.

Every layer draws from a stream of its own, and within it every unit: what two architectures share
starts equal, whatever else they have. Layers are counted from the input; the last is the output in
all of them, and a narrower layer has the first units, and the first inputs, of a wider one.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from src.rng import global_stream, stream

Activation = Callable[[], nn.Module] | None
Layer = nn.Linear | nn.Conv2d
Init = Callable[[Layer, Activation], None]


def initialise(model: nn.Module, init: Init, activation: Activation) -> None:
    """Apply `init` to every layer with weights, from the input to the output.

    The layers' streams derive from the seed of torch's global generator.
    """
    seed = torch.initial_seed()
    layers = [layer for layer in model.modules() if isinstance(layer, Layer)]
    for number, layer in enumerate(layers, 1):
        with global_stream(seed, "output" if layer is layers[-1] else f"layer {number}"):
            init(layer, activation)


def torch_default(layer: Layer, activation: Activation) -> None:
    """Draw uniformly in ±1/sqrt(fan_in), biases too, which is torch's own default."""
    bound = 1 / math.sqrt(_fan_in(layer))
    _uniform(layer, bound)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.copy_(bound * (2 * _draws(layer.bias[:, None], "bias")[:, 0] - 1))


def glorot_uniform(layer: Layer, activation: Activation, gain: float) -> None:
    """Draw uniformly in ±gain·sqrt(6/(fan_in + fan_out)) (Glorot & Bengio 2010), zero biases."""
    _uniform(layer, gain * math.sqrt(6 / (_fan_in(layer) + _fan_out(layer))))
    _zero_bias(layer)


def he_uniform(layer: Layer, activation: Activation) -> None:
    """Draw uniformly in ±sqrt(6/fan_in) (He et al. 2015), zero biases."""
    _uniform(layer, math.sqrt(6 / _fan_in(layer)))
    _zero_bias(layer)


def he_normal_fan_out(layer: Layer, activation: Activation) -> None:
    """Draw normally with variance 2/fan_out (He et al. 2015), zero biases."""
    draws = _draws(layer.weight, "weight").clamp(min=2**-25)  # of 0 the normal quantile is infinite
    with torch.no_grad():
        layer.weight.copy_(math.sqrt(2 / _fan_out(layer)) * torch.special.ndtri(draws))
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


def _uniform(layer: Layer, bound: float) -> None:
    with torch.no_grad():
        layer.weight.copy_(bound * (2 * _draws(layer.weight, "weight") - 1))


def _draws(parameter: Tensor, name: str) -> Tensor:
    """Return uniform draws in [0, 1), shaped like the parameter; each unit, a row, has a stream."""
    seed, draws = torch.initial_seed(), torch.empty(parameter.shape)
    for unit, row in enumerate(draws):
        row.uniform_(generator=stream(seed, f"{name} {unit}"))
    return draws


def _fan_in(layer: Layer) -> int:
    return layer.weight[0].numel()


def _fan_out(layer: Layer) -> int:
    return layer.weight[:, 0].numel()


def _zero_bias(layer: Layer) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
