"""Models are held against published parameter counts and gradients in closed form."""

from functools import partial

import pytest
import torch
from torch import nn

from src.errors import InputError
from src.models.cnn import CNN
from src.models.init import matched
from src.models.mlp import MLP
from src.models.resnet import ResNet
from src.models.softmax import Softmax
from src.rng import global_stream

IMAGES = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))


SHAPE = (1, 28, 28)
PLAIN = {"norm": "none", "dropout": 0.0, "init": matched, "input_shape": SHAPE}


def mlp(depth=1, width=200, activation=nn.ReLU, classes=10, **changed):
    with global_stream(0, "test"):
        return MLP(depth, width, activation=activation, classes=classes, **PLAIN | changed)


def cnn(
    channels=(16, 32),
    kernel_size=5,
    pool="avg",
    hidden=100,
    activation=nn.ReLU,
    classes=10,
    **changed,
):
    own = {"activation": activation, "classes": classes, **PLAIN, **changed}
    return CNN(channels, kernel_size, pool, hidden, **own)


def count(model) -> int:
    return sum(weights.numel() for weights in model.parameters())


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: Softmax(matched, SHAPE, 10), 7_850),
        (lambda: Softmax(matched, SHAPE, 2), 1_570),
        (mlp, 159_010),
        (lambda: mlp(depth=0), 7_850),
        (lambda: mlp(depth=2), 784 * 200 + 200 + 200 * 200 + 200 + 200 * 10 + 10),
        (
            cnn,
            (25 * 16 + 16) + (25 * 16 * 32 + 32) + (4 * 4 * 32 * 100 + 100) + (100 * 10 + 10),
        ),
        (lambda: cnn(classes=2), 416 + 12_832 + 51_300 + 202),
        (lambda: cnn([8], 3, "max", 50), (9 * 8 + 8) + (13 * 13 * 8 * 50 + 50) + (50 * 10 + 10)),
    ],
)
def test_parameters_are_as_many_as_computed_by_hand(make, parameters):
    assert count(make()) == parameters


@pytest.mark.parametrize("make", [partial(Softmax, matched, SHAPE), mlp, cnn])
def test_outputs_are_logits_of_each_class(make):
    model = make(classes=3)
    logits = model(IMAGES)
    assert logits.shape == (6, 3)
    assert not torch.allclose(logits.exp().sum(1), torch.ones(6))
    assert isinstance(list(model)[-1], nn.Linear)


def test_depth_0_is_exactly_softmax():
    with global_stream(0, "test"):
        softmax = Softmax(matched, SHAPE, 10)
    for activation in (nn.ReLU, nn.Sigmoid):
        shallow = mlp(depth=0, activation=activation)
        assert torch.equal(shallow(IMAGES), softmax(IMAGES))


def test_the_gradient_of_softmax_is_that_of_its_closed_form():
    model = Softmax(matched, SHAPE, 10)
    labels = torch.tensor([3, 1, 4, 1, 5, 9])
    nn.CrossEntropyLoss()(model(IMAGES), labels).backward()
    x = IMAGES.reshape(6, 784).double()
    weight, bias = (w.detach().double() for w in model.parameters())
    scores = x @ weight.T + bias
    p = scores.exp() / scores.exp().sum(1, keepdim=True)
    y = torch.zeros(6, 10, dtype=torch.double)
    y[range(6), labels] = 1
    torch.testing.assert_close(model[1].weight.grad.double(), (x.T @ (p - y) / 6).T)
    torch.testing.assert_close(model[1].bias.grad.double(), (p - y).mean(0))


def test_an_mlp_is_products_and_activations_written_out():
    model = mlp(depth=2, width=7, activation=nn.Tanh)
    (w1, b1, w2, b2, w3, b3) = model.parameters()
    hidden = torch.tanh(torch.tanh(IMAGES.reshape(6, 784) @ w1.T + b1) @ w2.T + b2)
    torch.testing.assert_close(model(IMAGES), hidden @ w3.T + b3)


@pytest.mark.parametrize("pool", ["max", "avg"])
def test_a_cnn_convolves_activates_and_pools_in_that_order(pool):
    model = cnn([4], 5, pool, 6, nn.Tanh, 3)
    (w1, b1, w2, b2, w3, b3) = model.parameters()
    windows = IMAGES.unfold(2, 5, 1).unfold(3, 5, 1).reshape(6, 24, 24, 25)
    maps = torch.tanh(windows @ w1.reshape(4, 25).T + b1).permute(0, 3, 1, 2)
    blocks = maps.reshape(6, 4, 12, 2, 12, 2)
    pooled = blocks.amax((3, 5)) if pool == "max" else blocks.mean((3, 5))
    hidden = torch.tanh(pooled.reshape(6, -1) @ w2.T + b2)
    torch.testing.assert_close(model(IMAGES), hidden @ w3.T + b3)


@pytest.mark.parametrize("model", [mlp(depth=3), cnn(activation=nn.PReLU)])
def test_no_two_layers_share_an_activation(model):
    modules = list(model)
    assert len({id(module) for module in modules}) == len(modules)


@pytest.mark.parametrize(("channels", "kernel_size"), [([16, 32, 64], 5), ([4], 29), ([1] * 5, 1)])
def test_a_cnn_that_leaves_no_pixel_is_refused(channels, kernel_size):
    with pytest.raises(InputError, match="must leave a pixel of 28x28") as refused:
        cnn(channels, kernel_size)
    assert f"model.channels={channels}" in str(refused.value)
    assert f"model.kernel_size={kernel_size}" in str(refused.value)


@pytest.mark.parametrize(("channels", "kernel_size"), [([2] * 4, 1), ([3, 3, 3], 3), ([2], 27)])
def test_a_cnn_may_shrink_to_a_single_pixel(channels, kernel_size):
    assert cnn(channels, kernel_size)(IMAGES).shape == (6, 10)


def test_arms_of_the_same_seed_start_from_proportional_weights():
    relu, sigmoid = mlp(depth=2), mlp(depth=2, activation=nn.Sigmoid)
    for one, other in zip(relu.parameters(), sigmoid.parameters(), strict=True):
        if one.ndim == 2:
            ratio = other.abs().max() / one.abs().max()
            torch.testing.assert_close(other, one * ratio)


def test_a_weight_state_survives_the_layout_in_memory():
    model = cnn()
    copy = cnn()
    copy.load_state_dict(model.state_dict())
    assert torch.equal(copy(IMAGES), model(IMAGES))


def first(model: nn.Sequential, layers: int) -> nn.Sequential:
    return nn.Sequential(*list(model)[:layers])


def test_normalisation_and_dropout_come_before_and_after_the_activation():
    kinds = [type(m) for m in mlp(depth=2, norm="layer", dropout=0.5)]
    hidden = [nn.Linear, nn.LayerNorm, nn.ReLU, nn.Dropout]
    assert kinds == [nn.Flatten, *hidden, *hidden, nn.Linear]
    kinds = [type(m) for m in cnn([4], norm="batch", dropout=0.5)]
    block = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.AvgPool2d]
    hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert kinds == [*block, nn.Flatten, *hidden, nn.Linear]


def test_batch_normalisation_standardises_over_the_batch_and_layer_over_the_example():
    for norm, axis in (("batch", 0), ("layer", 1)):
        model = mlp(norm=norm, width=50, activation=nn.Identity)
        hidden = first(model, 3)(torch.rand(64, 1, 28, 28))
        torch.testing.assert_close(hidden.mean(axis), torch.zeros_like(hidden.mean(axis)))
        spread = hidden.var(axis, correction=0)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-2, atol=1e-2)


def test_a_layer_normalised_map_is_standardised_over_all_of_an_example():
    maps = first(cnn([4], norm="layer"), 2)(IMAGES).flatten(1)
    torch.testing.assert_close(maps.mean(1), torch.zeros(6), atol=1e-5, rtol=0)


def test_dropout_zeroes_its_share_in_training_alone():
    model = mlp(width=4_000, dropout=0.25, activation=nn.Sigmoid)
    zeros = (first(model, -1)(IMAGES) == 0).double().mean()
    assert zeros == pytest.approx(0.25, abs=0.02)
    assert not (first(model.eval(), -1)(IMAGES) == 0).any()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 20, 31), (2, 64, 16)])
@pytest.mark.parametrize("kind", ["softmax", "mlp", "cnn", "resnet"])
def test_images_of_any_size_and_channels_are_classified(kind, shape):
    own = {**PLAIN, "input_shape": shape, "activation": nn.ReLU, "classes": 7}
    models = {
        "softmax": lambda: Softmax(matched, shape, 7),
        "mlp": lambda: MLP(1, 20, **own),
        "cnn": lambda: CNN([4], 3, "max", 10, **own),
        "resnet": lambda: resnet(input_shape=shape, classes=7),
    }
    assert models[kind]()(torch.rand(5, *shape)).shape == (5, 7)


@pytest.mark.parametrize("make", [cnn, lambda **changed: resnet(**changed)])
def test_a_convolution_of_rows_is_refused(make):
    with pytest.raises(InputError, match=r"needs images .* are of shape \(30,\)"):
        make(input_shape=(30,))


def resnet(channels=(16, 32, 64), blocks=1, norm="batch", activation=nn.ReLU, **changed):
    own = {"init": matched, "input_shape": SHAPE, "classes": 10, **changed}
    return ResNet(channels, blocks, norm, activation, **own)


@pytest.mark.parametrize(("blocks", "thousands"), [(3, 269.7), (5, 464.2), (9, 853.0)])
def test_a_resnet_has_the_weights_that_were_published(blocks, thousands):
    # Idelbayev's reimplementation lists 269,722, 464,154 and 853,018 with shortcuts that have no
    # weights (option A of He et al. 2016); ours are projections with a batch normalisation each.
    model = resnet(blocks=blocks, input_shape=(3, 32, 32))
    shortcuts = sum(count(m.shortcut) for m in model if hasattr(m, "shortcut"))
    assert shortcuts == 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert (count(model) - shortcuts) / 1_000 == pytest.approx(thousands, abs=0.06)


def test_a_resnet_block_adds_its_shortcut_before_the_activation():
    block = resnet(norm="none", activation=nn.Tanh)[2]
    maps = torch.rand(2, 16, 9, 9)
    torch.testing.assert_close(block(maps), torch.tanh(block.convolutions(maps) + maps))
