"""Epochs and the best of them."""

import math

import pytest

from src.errors import InputError
from src.metrics import (
    ERROR,
    LOSS,
    MINUS,
    MISSING,
    Direction,
    Epoch,
    Metric,
    Run,
    Unit,
    best_epoch,
    defined,
    find_metric,
)


def epoch(number, val_error, loss=1.0, val_loss=1.0, **fields):
    return Epoch(number, loss, 0.1, val_loss, val_error, 0.05, 2.0, **fields)


def test_metrics_have_the_names_that_other_programs_read():
    assert epoch(3, 0.2, others={"dead/1": 0.5}).metrics == {
        "train/loss": 1.0,
        "train/error": 0.1,
        "val/loss": 1.0,
        "val/error": 0.2,
        "lr": 0.05,
        "epoch_seconds": 2.0,
        "dead/1": 0.5,
    }


def test_an_epoch_is_made_of_its_metrics_again_and_of_some_of_them():
    whole = epoch(3, 0.2, others={"dead/1": 0.5})
    assert Epoch.of(3, whole.metrics) == whole
    part = Epoch.of(3, {"val/error": 0.2})
    assert (part.val_error, part.others) == (0.2, {})
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


DEFINITIONS = {"metrics.ece.direction": "minimize", "metrics.ece.unit": "percent", "model": "mlp"}
DEFINITIONS |= {"metrics.macro_f1.direction": "maximize", "metrics.macro_f1.function.average": "x"}
ECE = Metric("ece", Direction.MINIMIZE, Unit.PERCENT)
MACRO_F1 = Metric("macro_f1", Direction.MAXIMIZE, Unit.NONE)


def test_a_config_defines_metrics_beside_error_and_loss():
    found = {"error": ERROR, "loss": LOSS, "ece": ECE, "macro_f1": MACRO_F1}
    assert defined(DEFINITIONS) == found


@pytest.mark.parametrize(
    ("tracked", "metric"),
    [
        ("val/error", ERROR),
        ("train/loss", LOSS),
        ("best/val_error", ERROR),
        ("final/train_error", ERROR),
        ("test/ece", ECE),
        ("val/macro_f1", MACRO_F1),
        ("val/ece/3", Metric("ece/3", Direction.MINIMIZE, Unit.PERCENT)),
    ],
)
def test_a_metric_is_found_by_its_tracked_name(tracked, metric):
    assert find_metric(tracked, defined(DEFINITIONS)) == metric


@pytest.mark.parametrize("tracked", ["error", "lr", "val/accuracy", "best/epoch", "", "val/"])
def test_another_name_is_refused_with_those_there_are(tracked):
    with pytest.raises(
        InputError, match=f"^compare.metric={tracked}: no metric .* val/error, val/loss, val/ece"
    ):
        find_metric(tracked, defined(DEFINITIONS))


@pytest.mark.parametrize(
    ("metric", "value", "text", "difference"),
    [
        (ERROR, 0.0182, "1.82", "+1.82"),
        (ERROR, -0.0182, f"{MINUS}1.82", f"{MINUS}1.82"),
        (ERROR, -0.00001, f"{MINUS}0.00", "0.00"),
        (MACRO_F1, 0.98765, "0.9877", "+0.9877"),
        (MACRO_F1, 0.0, "0.0000", "0.0000"),
        (LOSS, math.nan, MISSING, MISSING),
    ],
)
def test_a_value_is_shown_in_the_unit_of_its_metric(metric, value, text, difference):
    assert (metric.text(value), metric.difference(value)) == (text, difference)


def test_a_gain_is_positive_for_the_better_value():
    assert ERROR.gain(0.1, 0.3) == pytest.approx(0.2)
    assert MACRO_F1.gain(0.1, 0.3) == pytest.approx(-0.2)


def run(**fields) -> Run:
    epochs = (
        epoch(1, 0.3, others={"val/macro_f1": 0.6, "val/ece": math.nan}),
        epoch(2, 0.1, others={"val/macro_f1": 0.8, "val/ece": 0.2}),
        epoch(3, 0.2, others={"val/macro_f1": 0.9, "val/ece": 0.2}),
    )
    known = defined(DEFINITIONS)
    return Run("", "", "FINISHED", "", 0, {}, "", "", "", epochs, metrics=known, **fields)


@pytest.mark.parametrize(
    ("by", "number"), [("val/error", 2), ("val/macro_f1", 3), ("val/ece", 2), ("val/loss", 1)]
)
def test_an_epoch_is_selected_by_any_metric_in_its_direction(by, number):
    assert run(selected_by=by).best.epoch == number


def test_a_run_has_each_metric_at_the_selected_epoch_and_those_measured_once():
    found = run(summary={"test/ece": 0.25})
    assert [found.value(name) for name in ("val/ece", "train/error", "test/ece")] == [
        0.2,
        0.1,
        0.25,
    ]
    assert math.isnan(found.value("val/accuracy"))
    assert math.isnan(found.test_error)
