"""Softmax regression on scikit-learn's digits reaches scikit-learn's own optimum."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from src.training.components import build
from src.training.fit import evaluate, train_epoch
from src.training.setup import prepare

pytestmark = pytest.mark.slow  # seconds of updates

DECAY, UPDATES = 0.01, 1_500


def test_softmax_regression_is_that_of_scikit_learn(config):
    resolved = config(
        *("data=digits", "model=softmax", "batch_size=2000", "device=cpu", "threads=1"),
        *("optimizer=momentum", "optimizer.lr=0.3", "optimizer.decay_all=false"),
        f"optimizer.weight_decay={DECAY}",
    )
    built = build(resolved, prepare(resolved))
    train = built.splits.train
    for _ in range(UPDATES):
        train_epoch(built.model, built.optimizer, train, built.loss, built.order, 2_000, None)
    inputs, labels = train.batch(slice(None))
    rows = inputs.flatten(1).numpy().astype("float64")
    # Both minimise the mean loss plus DECAY/2 times the squared weights, biases left out.
    reference = LogisticRegression(C=1 / (DECAY * len(train)), tol=1e-8, max_iter=10_000)
    reference.fit(rows, labels.numpy())
    weight = torch.from_numpy(reference.coef_).float()
    torch.testing.assert_close(built.model[1].weight.detach(), weight, rtol=0, atol=2e-3)
    test, test_labels = built.splits.test.batch(slice(None))
    wrong = reference.predict(test.flatten(1).numpy()) != test_labels.numpy()
    assert evaluate(built.model, built.splits.test, built.loss)["error"] == wrong.mean()
