"""Epochs and the best of them."""

import math

import pytest

from src.metrics import Epoch, best_epoch


def epoch(number, val_error, loss=1.0, val_loss=1.0, **fields):
    return Epoch(number, loss, 0.1, val_loss, val_error, 0.05, 2.0, **fields)


def test_metrics_have_the_names_that_other_programs_read():
    assert epoch(3, 0.2, diagnostics={"dead/1": 0.5}).metrics == {
        "train/loss": 1.0,
        "train/error": 0.1,
        "val/loss": 1.0,
        "val/error": 0.2,
        "lr": 0.05,
        "epoch_seconds": 2.0,
        "dead/1": 0.5,
    }


def test_an_epoch_is_made_of_its_metrics_again_and_of_some_of_them():
    whole = epoch(3, 0.2, diagnostics={"dead/1": 0.5})
    assert Epoch.of(3, whole.metrics) == whole
    part = Epoch.of(3, {"val/error": 0.2})
    assert (part.val_error, part.diagnostics) == (0.2, {})
    assert math.isnan(part.train_loss)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_epoch_has_diverged_when_either_loss_is_no_number(value):
    assert epoch(1, 0.1, loss=value).diverged
    assert epoch(1, 0.1, val_loss=value).diverged
    assert not epoch(1, 0.1).diverged


def test_the_lowest_is_the_earliest_of_equals_that_has_not_diverged():
    epochs = [epoch(1, 0.3), epoch(2, 0.2), epoch(3, 0.2), epoch(4, 0.1, loss=math.nan)]
    assert best_epoch(epochs).epoch == 2
    assert best_epoch(epochs[3:]) is None
    assert best_epoch([]) is None
