"""The loss that torch does not have, by hand."""

import pytest
import torch

from src.models.loss import OneHotMSE


def test_mse_on_one_hot_targets_is_the_mean_over_samples_and_classes():
    outputs = torch.tensor([[1.0, 0.5, 0.0], [0.25, 0.0, -1.0]])
    # Targets (1, 0, 0) and (0, 0, 1): squares 0, 1/4, 0 and 1/16, 0, 4.
    expected = (0.25 + 0.0625 + 4) / 6
    assert OneHotMSE()(outputs, torch.tensor([0, 2])).item() == pytest.approx(expected)


def test_its_gradient_is_twice_the_residual_over_samples_and_classes():
    outputs = torch.tensor([[1.0, 0.5], [0.25, 0.0]], requires_grad=True)
    OneHotMSE()(outputs, torch.tensor([1, 0])).backward()
    expected = 2 * torch.tensor([[1.0, -0.5], [-0.75, 0.0]]) / 4
    torch.testing.assert_close(outputs.grad, expected)
