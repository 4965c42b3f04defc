"""Metrics beside the error, against cases worked out by hand."""

import math
from dataclasses import replace

import pytest
import torch

from src.training.components import build
from src.training.fit import evaluate
from src.training.measures import measured
from src.training.setup import prepare

# Four examples of three classes: predictions 0, 0, 1, 2 for the labels 0, 1, 1, 2.
PROBABILITIES = torch.tensor(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.25, 0.3, 0.45]], dtype=torch.double
)
LABELS = torch.tensor([0, 1, 1, 2])
BY_HAND = {
    "accuracy": 3 / 4,
    "top_k": 1.0,  # the second guess of the second example is right
    "macro_f1": (2 / 3 + 2 / 3 + 1) / 3,  # class 0: precision 1/2, recall 1; class 1: 1, 1/2
    "cross_entropy": -(math.log(0.8) + math.log(0.3) + math.log(0.7) + math.log(0.45)) / 4,
    "ece": (0.2 + 0.6 + 0.3 + 0.55) / 4,  # each example is alone in its bin of width 1/15
    "class_error/0": 0.0,
    "class_error/1": 1 / 2,
    "class_error/2": 0.0,
}
NAMES = ",".join(dict.fromkeys(name.partition("/")[0] for name in BY_HAND))


def three_of(splits):
    """The digits 0, 1 and 2 alone."""

    def kept(split):
        return replace(split, rows=split.rows[split.labels[split.rows] < 3])

    return replace(splits.map(kept), class_names="012")


@pytest.fixture(scope="module")
def three(config):
    """Components that tell three digits apart, with all metrics."""
    resolved = config("data=mnist_5k", "data.n=400", "device=cpu", f"metrics=[{NAMES}]")
    environment = prepare(resolved)
    return build(resolved, replace(environment, splits=three_of(environment.splits)))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0, 7, -0.05])
def test_metrics_of_the_config_are_what_a_hand_computes(shift, three):
    logits = (PROBABILITIES.log() + shift).float()  # the same to a softmax
    found = measured(three.measures, logits, LABELS)
    assert found == {name: pytest.approx(value, abs=1e-6) for name, value in BY_HAND.items()}


def test_logits_that_lie_between_0_and_1_are_no_probabilities(three):
    logits = torch.tensor([[0.9, 0.5, 0.1], [0.1, 0.2, 0.9]])
    confidence = logits.softmax(1).amax(1).double()
    found = measured(three.measures, logits, torch.tensor([0, 2]))
    assert found["ece"] == pytest.approx((1 - confidence).abs().mean().item(), abs=1e-6)


def test_accuracy_is_what_the_error_leaves(three):
    found = evaluate(three.model, three.splits.val, three.loss, three.measures)
    assert found["accuracy"] == pytest.approx(1 - found["error"], abs=1e-6)
    assert found["cross_entropy"] == pytest.approx(found["loss"], rel=1e-5)
    labels = three.splits.val.labels[three.splits.val.rows]
    shares = torch.bincount(labels).double() / len(labels)
    by_class = [found[f"class_error/{k}"] for k in range(3)]
    error = sum(share * e for share, e in zip(shares.tolist(), by_class, strict=True))
    assert error == pytest.approx(found["error"], abs=1e-6)


@pytest.mark.slow
def test_metrics_change_no_training(components, config):
    def weights(*overrides):
        built = components(*overrides)
        list(built.epochs(config("epochs=2"), 0))
        return list(built.model.parameters())

    plain, measured_too = weights(), weights("metrics=[ece,class_error]")
    assert all(map(torch.equal, plain, measured_too))
