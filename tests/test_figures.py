"""What the pictures show, read back from the drawing."""

import numpy as np
import pytest

from src import figures
from src.metrics import Epoch

HISTORY = [Epoch(n, 1 / n, 0.4 / n, 1.1 / n, 0.5 / n, 0.1, 1.0) for n in range(1, 5)]


def test_learning_curves_show_percent_and_loss_against_the_epoch():
    errors, losses = figures.learning_curves(HISTORY).axes
    lines = {line.get_label(): line for line in errors.lines}
    assert lines["train"].get_ydata() == pytest.approx([40 / n for n in range(1, 5)])
    assert lines["validation"].get_ydata() == pytest.approx([50 / n for n in range(1, 5)])
    assert list(lines["train"].get_xdata()) == [1, 2, 3, 4]
    assert errors.get_ylabel() == "error (%)"
    assert losses.lines[0].get_ydata() == pytest.approx([1 / n for n in range(1, 5)])
    assert losses.get_legend() is not None


def test_learning_curves_of_one_epoch_and_of_a_divergence_can_be_drawn(tmp_path):
    broken = Epoch(1, float("nan"), 0.9, float("inf"), 0.9, 0.1, 1.0)
    for history in (HISTORY[:1], [broken], [*HISTORY, broken]):
        figures.save(figures.learning_curves(history), tmp_path / "new" / "curves.png")


def test_a_confusion_matrix_counts_true_against_predicted():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 2])
    (axes,) = figures.confusion_matrix(labels, predicted, 3).axes
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "1", (1, 0): "1", (1, 1): "1", (0, 2): "2", (2, 2): "1"}
    assert axes.get_title() == "3 of 6 validation digits wrong"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    shown = axes.images[0].get_array()
    assert shown.diagonal().tolist() == [0, 0, 0]  # mistakes carry the colour
    assert shown[2, 0] == 2


def test_mistakes_are_shown_the_most_confident_first():
    images = np.zeros((4, 28, 28))
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.95, 0.05]])
    labels = np.array([0, 0, 0, 1])  # the first is right
    (axes,) = figures.mistakes(images, labels, probabilities).axes
    assert [text.get_text() for text in axes.texts] == ["1 → 0, 95%", "0 → 1, 80%", "0 → 1, 60%"]
    assert axes.get_title().startswith("3 mistakes")


def test_no_more_mistakes_are_shown_than_fit():
    probabilities = np.tile([0.2, 0.8], (40, 1))
    (axes,) = figures.mistakes(np.zeros((40, 28, 28)), np.zeros(40, int), probabilities).axes
    assert len(axes.texts) == figures.MISTAKES
    assert axes.get_title().startswith("40 mistakes")


def test_a_model_without_mistakes_has_a_picture_that_says_so(tmp_path):
    drawn = figures.mistakes(np.zeros((2, 28, 28)), np.array([0, 1]), np.eye(2))
    assert drawn.axes[0].get_title().startswith("0 mistakes")
    figures.save(drawn, tmp_path / "mistakes.png")


@pytest.mark.parametrize(("units", "shown"), [(1, 1), (10, 10), (200, 64)])
def test_first_layer_weights_are_signed_around_white(units, shown, tmp_path):
    weights = np.random.default_rng(0).normal(size=(units, 5, 5))
    drawn = figures.first_layer(weights)
    axes = drawn.axes[0]
    low, high = axes.images[0].get_clim()
    assert low == -high == pytest.approx(-np.abs(weights[:shown]).max())
    assert axes.get_title() == f"weights of {shown} of {units} first-layer units"
    assert np.isfinite(axes.images[0].get_array()).sum() == shown * 25
    figures.save(drawn, tmp_path / "weights.png")


def test_weights_that_are_all_zero_can_be_drawn(tmp_path):
    figures.save(figures.first_layer(np.zeros((4, 28, 28))), tmp_path / "weights.png")
