"""Gradient norms and unresponsive units, on networks built to have them."""

import pytest
import torch
from torch import nn

from src.training.diagnostics import diagnose

LOSS = nn.CrossEntropyLoss()


def network(activation, biases, weight=0.0):
    """One hidden layer whose outputs its biases decide."""
    hidden = nn.Linear(784, len(biases))
    nn.init.constant_(hidden.weight, weight)
    with torch.no_grad():
        hidden.bias.copy_(torch.tensor(biases))
    return nn.Sequential(nn.Flatten(), hidden, activation, nn.Linear(len(biases), 10))


def test_a_relu_unit_that_answers_no_image_is_dead(digits):
    figures = diagnose(network(nn.ReLU(), [1.0, -1.0, 2.0, -5.0]), digits.train, LOSS)
    assert figures["dead/1"] == 0.5


def test_a_relu_unit_that_answers_one_image_is_alive(digits):
    brightest = digits.train.batch(slice(None))[0].sum((1, 2, 3)).sort().values[-2:]
    threshold = -float(brightest.mean())
    figures = diagnose(network(nn.ReLU(), [threshold, -784.0], 1.0), digits.train, LOSS)
    assert figures["dead/1"] == 0.5


@pytest.mark.parametrize(
    ("activation", "biases", "saturated"),
    [
        (nn.Sigmoid(), [0.0, 9.0, -9.0, 1.0], 0.5),
        (nn.Sigmoid(), [2.9, -2.9, 2.99, -2.99], 0.5),  # sigmoid(2.944) = 0.95
        (nn.Tanh(), [0.0, 9.0, -9.0, 1.0], 0.5),
        (nn.Tanh(), [1.45, -1.45, 1.5, -1.5], 0.5),  # tanh(1.472) = 0.9
    ],
)
def test_outputs_within_a_twentieth_of_an_end_are_saturated(activation, biases, saturated, digits):
    figures = diagnose(network(activation, biases), digits.train, LOSS)
    assert figures["saturated/1"] == saturated


def test_gradient_norms_are_those_of_the_loss_on_the_first_digits(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    images, labels = digits.train.batch(slice(1_000))
    x, y = images.reshape(-1, 784), torch.eye(10)[labels]
    gradient = (model(images).softmax(1) - y).T @ x / len(x)
    figures = diagnose(model, digits.train, LOSS)
    assert figures == {"grad_norm/1": pytest.approx(gradient.norm().item(), rel=1e-4)}


def test_layers_count_from_the_input(components):
    built = components("model.depth=2", "activation=sigmoid")
    figures = diagnose(built.model, built.splits.train, built.loss)
    norms = {"grad_norm/1", "grad_norm/2", "grad_norm/3"}
    assert set(figures) == norms | {"saturated/1", "saturated/2"}
    convolutional = components("model=cnn")
    figures = diagnose(convolutional.model, built.splits.train, built.loss)
    assert {"dead/1", "dead/2", "dead/3", "grad_norm/4"} < set(figures)


def test_a_fresh_deep_sigmoid_network_has_a_smaller_gradient_at_its_input(components):
    built = components("model.depth=4", "activation=sigmoid", "init=default")
    figures = diagnose(built.model, built.splits.train, built.loss)
    assert figures["grad_norm/1"] < 0.01 * figures["grad_norm/5"]  # Glorot & Bengio 2010


def test_looking_leaves_nothing_behind(components):
    built = components()
    diagnose(built.model, built.splits.train, built.loss)
    assert not any(module._forward_hooks for module in built.model.modules())
    assert all(weights.grad is None for weights in built.model.parameters())


def test_an_image_that_breaks_the_network_leaves_no_hook_either(digits):
    model = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(3, 10))
    with pytest.raises(RuntimeError):
        diagnose(model, digits.train, LOSS)
    assert not model[0]._forward_hooks
