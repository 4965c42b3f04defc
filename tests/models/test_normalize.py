"""Normalisation is held against numpy's mean and standard deviation of the training split."""

import numpy as np
import torch

from src.data.splits import Split
from src.models.normalize import Standard


def measured(inputs: torch.Tensor, rows: torch.Tensor) -> Standard:
    normalize = Standard(inputs.shape[1:])
    normalize.measure(Split(inputs, None, rows))
    return normalize


def test_features_are_standardised_by_the_training_rows_alone():
    draws = np.random.default_rng(0).normal([0, 1e5, -3], [1, 20, 1e-3], (500, 3))
    inputs, rows = torch.from_numpy(draws).float(), torch.arange(100, 300)
    normalize, train = measured(inputs, rows), inputs[100:300].numpy().astype(np.float64)
    expected = (inputs.numpy() - train.mean(0)) / train.std(0)
    np.testing.assert_allclose(normalize(inputs).numpy(), expected, rtol=2e-2, atol=2e-3)


def test_images_are_standardised_by_channel_as_fractions_of_255():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60, 3, 5, 4), np.uint8))
    found = measured(images, torch.arange(60))(images.float() / 255)
    assert found.mean((0, 2, 3)).abs().max() < 1e-5
    assert (found.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-5


def test_a_constant_feature_becomes_zero():
    inputs = torch.full((50, 2), 0.1)
    inputs[:, 1] = torch.arange(50)
    assert not measured(inputs, torch.arange(50))(inputs)[:, 0].any()


def test_the_statistics_are_kept_with_the_weights(components):
    built = components("normalize=standard")
    pixels = built.splits.train.batch(slice(None))[0].double()
    state = built.model.state_dict()
    assert abs(state["0.mean"].item() - pixels.mean()) < 1e-6
    assert abs(state["0.std"].item() - pixels.std(correction=0)) < 1e-6
