"""Initialisations are held against the bounds and variances of their papers."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from src.models import init

FAN_IN, FAN_OUT = 400, 100
GLOROT, HE = math.sqrt(6 / (FAN_IN + FAN_OUT)), math.sqrt(6 / FAN_IN)


def drawn(initialise, activation=nn.ReLU, layer=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = layer or nn.Linear(FAN_IN, FAN_OUT)
        initialise(layer, activation)
    return layer


def assert_uniform(weights, bound):
    """All within the bound, reaching for it, with a uniform's variance and mean."""
    assert weights.abs().max() <= bound
    assert weights.abs().max() > 0.999 * bound
    assert weights.var().item() == pytest.approx(bound**2 / 3, rel=0.02)
    assert abs(weights.mean().item()) < 0.01 * bound


@pytest.mark.parametrize(
    ("initialise", "activation", "bound"),
    [
        (partial(init.glorot_uniform, gain=1.0), nn.ReLU, GLOROT),
        (partial(init.glorot_uniform, gain=4.0), nn.Sigmoid, 4 * GLOROT),
        (init.he_uniform, nn.Sigmoid, HE),
        (init.matched, nn.Sigmoid, 4 * GLOROT),
        (init.matched, nn.Tanh, 5 / 3 * GLOROT),
        (init.matched, None, GLOROT),
        (init.matched, nn.ReLU, HE),
        (init.matched, partial(nn.LeakyReLU, 0.01), HE),
        (init.matched, nn.GELU, HE),
        (init.matched, nn.ELU, HE),
        (init.matched, nn.SiLU, HE),
    ],
)
def test_uniform_draws_keep_their_bound_and_biases_are_zero(initialise, activation, bound):
    layer = drawn(initialise, activation)
    assert_uniform(layer.weight, bound)
    assert not layer.bias.any()


def test_he_normal_has_the_variance_of_the_fan_out_and_zero_biases():
    layer = drawn(init.he_normal_fan_out)
    assert layer.weight.var().item() == pytest.approx(2 / FAN_OUT, rel=0.02)
    assert (layer.weight.abs() > 2 * layer.weight.std()).double().mean() == pytest.approx(
        math.erfc(math.sqrt(2)), rel=0.1
    )
    assert not layer.bias.any()


def test_the_fans_of_a_convolution_count_its_window():
    convolution = nn.Conv2d(16, 32, 5)
    assert_uniform(drawn(init.he_uniform, layer=convolution).weight, math.sqrt(6 / (25 * 16)))
    spread = drawn(init.he_normal_fan_out, layer=convolution).weight.var().item()
    assert spread == pytest.approx(2 / (25 * 32), rel=0.03)


def test_the_default_has_torchs_own_bounds_for_weights_and_biases():
    layer = drawn(init.torch_default)
    assert_uniform(layer.weight, 1 / math.sqrt(FAN_IN))
    wide = drawn(init.torch_default, layer=nn.Linear(40, 20_000))
    assert_uniform(wide.bias, 1 / math.sqrt(40))
    assert abs(correlation(wide.bias, wide.weight[:, 0])) < 0.03


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def layers(components, *overrides):
    model = components("model=mlp", *overrides).model
    return [module.weight for module in model.modules() if isinstance(module, nn.Linear)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    ["model.depth=3", "model.width=70", "model.width=300", "init=default", "init=glorot_uniform"],
)
def test_what_two_networks_share_starts_equal(other, components):
    ours, theirs = layers(components), layers(components, other)
    for a, b in ((ours[0], theirs[0]), (ours[-1], theirs[-1])):
        units, inputs = map(min, a.shape, b.shape)
        assert correlation(a[:units, :inputs], b[:units, :inputs]) == pytest.approx(1, abs=1e-5)


def test_a_normal_init_has_the_same_draws_as_a_uniform_one(components):
    # The correlation of a uniform variable and its normal quantile is sqrt(3/pi) = 0.977.
    for a, b in zip(layers(components), layers(components, "init=he_normal_fan_out"), strict=True):
        assert correlation(a, b) == pytest.approx(math.sqrt(3 / math.pi), abs=0.01)


def test_layers_and_seeds_share_no_draws(components):
    first, second, third = layers(components, "model.depth=2", "model.width=784")
    others = layers(components, "model.depth=2", "model.width=784", "seed=1")
    for a, b in ((first, second), (first[:10], third), (first, others[0]), (third, others[2])):
        assert abs(correlation(a, b)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "glorot_uniform", "he_uniform", "he_normal_fan_out"])
@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_every_init_of_the_config_reaches_every_layer(model, name, components):
    built = components(f"model={model}", f"init={name}").model
    layers = [m for m in built.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert all(bool(layer.bias.any()) == (name == "default") for layer in layers)
    for layer in layers:
        window = layer.weight[0, 0].numel() if layer.weight.ndim == 4 else 1
        fan_in, fan_out = layer.weight.shape[1] * window, layer.weight.shape[0] * window
        deviation = {
            "default": math.sqrt(1 / fan_in / 3),
            "glorot_uniform": math.sqrt(2 / (fan_in + fan_out)),
            "he_uniform": math.sqrt(2 / fan_in),
            "he_normal_fan_out": math.sqrt(2 / fan_out),
        }
        assert layer.weight.std().item() == pytest.approx(deviation[name], rel=0.2)


def test_the_gain_of_the_config_is_used(components):
    once, fourfold = (
        components("init=glorot_uniform", f"init.gain={gain}").model[1].weight for gain in (1, 4)
    )
    torch.testing.assert_close(fourfold, 4 * once)


@pytest.mark.parametrize("initialise", [init.he_uniform, init.he_normal_fan_out, init.matched])
def test_a_layer_without_a_bias_is_initialised_as_well(initialise):
    layer = nn.Linear(FAN_IN, FAN_OUT, bias=False)
    before = layer.weight.clone()
    initialise(layer, nn.ReLU)
    assert not torch.equal(layer.weight, before)
