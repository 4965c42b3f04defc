"""The epoch that counts, on made-up trainings."""

import math

import pytest
import torch
from torch import nn

from src.metrics import Epoch
from src.training.selection import keep_best


def training(model, errors, losses=None):
    """Epochs with these validation errors, each leaving its number as the model's weight."""
    for number, error in enumerate(errors, 1):
        with torch.no_grad():
            model.weight.fill_(number)
        loss = losses[number - 1] if losses else error
        yield Epoch(number, loss, error / 2, loss, error, 0.1, 0.5)


def select(errors, patience=None, losses=None):
    model = nn.Linear(1, 1)
    return keep_best(training(model, errors, losses), model, patience)


def test_the_best_epoch_has_the_lowest_error_and_brings_its_weights():
    result = select([0.5, 0.2, 0.3, 0.1, 0.4])
    assert result.best.epoch == 4
    assert result.weights["weight"].item() == 4
    assert len(result.history) == 5
    assert result.outcome == "finished"


def test_of_equals_the_earliest_is_the_best():
    result = select([0.5, 0.2, 0.3, 0.2])
    assert result.best.epoch == 2
    assert result.weights["weight"].item() == 2


def test_without_patience_all_epochs_are_run():
    assert len(select([0.1] + [0.2] * 30).history) == 31


@pytest.mark.parametrize(
    ("errors", "patience", "run"),
    [
        ([0.3, 0.2, 0.4, 0.4, 0.1], 2, 4),
        ([0.3, 0.2, 0.4, 0.1, 0.4, 0.4], 2, 6),
        ([0.3, 0.3, 0.2], 1, 2),  # as good is no better
        ([0.3, 0.2, 0.1], 1, 3),
    ],
)
def test_patience_is_epochs_without_a_better_error(errors, patience, run):
    result = select(errors + [0.5] * 10 if run < len(errors) else errors, patience)
    assert len(result.history) == run
    assert result.outcome == ("stopped" if run < len(errors) or errors[-1] == 0.4 else "finished")


def test_a_divergence_keeps_what_was_best_before():
    result = select([0.3, 0.2, 0.9, 0.1], losses=[1.0, 1.0, math.nan, 1.0])
    assert result.outcome == "diverged"
    assert result.best.epoch == 2
    assert result.weights["weight"].item() == 2
    assert len(result.history) == 3


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_divergence_at_once_has_no_best_epoch_and_no_weights(loss):
    result = select([0.9, 0.1], losses=[loss, 1.0])
    assert result.outcome == "diverged"
    assert result.best is result.weights is None
    assert result.summary == {"final/train_error": 0.45, "final/val_error": 0.9}


def test_figures_are_of_the_last_and_of_the_best_epoch():
    assert select([0.5, 0.2, 0.4]).summary == {
        "final/train_error": 0.2,
        "final/val_error": 0.4,
        "best/val_error": 0.2,
        "best/epoch": 2,
    }


@pytest.mark.parametrize("cut", range(1, 6))
@pytest.mark.parametrize("patience", [None, 2])
def test_a_training_cut_off_anywhere_goes_on_to_the_same_result(cut, patience):
    errors = [0.5, 0.2, 0.3, 0.2, 0.4, 0.1]
    whole = select(errors, patience)
    saved = []
    model = nn.Linear(1, 1)
    epochs = list(training(model, errors))
    keep_best(iter(epochs[:cut]), model, patience, save=lambda *state: saved.append(state))
    history, weights = saved[-1]
    rest = iter(epochs[len(history) :])
    again = keep_best(rest, model, patience, earlier=history, weights=weights)
    assert again.history == whole.history
    assert again.best == whole.best
    assert again.outcome == whole.outcome
