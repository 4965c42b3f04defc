"""Contents of the pictures: the words in them, and the colours where they must be."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from src import figures
from src.metrics import Epoch

HISTORY = [Epoch(n, 1 / n, 0.4 / n, 1.1 / n, 0.5 / n, 0.1, 1.0) for n in range(1, 5)]
WHITE = (255, 255, 255)


@pytest.fixture
def words(monkeypatch) -> list[tuple[tuple[float, float], str]]:
    """Return where and what is written into a picture while the test draws it."""
    written = []
    draw = ImageDraw.ImageDraw.text

    def text(self, place, words, *rest):
        written.append((place, words))
        return draw(self, place, words, *rest)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return written


def said(words) -> list[str]:
    return [word for _, word in words]


def pixels(picture: Image.Image, color: tuple[int, ...]) -> np.ndarray:
    """Rows and columns, (N, 2), of the pixels of this colour."""
    return np.argwhere((np.asarray(picture.convert("RGB")) == color).all(-1))


def test_learning_curves_fall_from_the_left_to_the_right(words):
    picture = figures.learning_curves(HISTORY)
    assert {"error (%)", "loss", "epoch", "train", "validation"} < set(said(words))
    for color in (figures.BLUE, figures.VERMILLION):
        for first, last in ((80, 380), (485, 785)):  # the two panels
            found = [p for p in pixels(picture, color) if first <= p[1] <= last and p[0] > 50]
            left, right = min(found, key=lambda p: p[1]), max(found, key=lambda p: p[1])
            assert left[0] < right[0] - 50


def test_errors_are_in_percent(words):
    figures.learning_curves(HISTORY)
    assert {"10", "20", "30", "40", "50"} < set(said(words))
    assert {"0.4", "0.6", "0.8", "1"} < set(said(words))  # the losses


@pytest.mark.parametrize("epochs", [1, 2, 7, 10, 100, 5_000])
def test_epochs_are_counted_in_whole_numbers(words, epochs):
    figures.learning_curves([Epoch(n, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0) for n in range(1, epochs + 1)])
    below = [word for (_, y), word in words if y == (280 + 8) * figures.SUPERSAMPLING]
    assert len(below) >= 2
    assert all(1 <= int(word) <= max(2, epochs) for word in below)


def test_a_divergence_interrupts_its_curve_and_is_drawn():
    broken = Epoch(2, float("nan"), 0.9, float("inf"), 0.9, 0.1, 1.0)
    for history in ([broken], [HISTORY[0], broken], [HISTORY[0], broken, *HISTORY[2:]]):
        assert figures.learning_curves(history).size == (800, 330)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 100), (0.0021, 0.0022), (-3, 7), (1, 2), (99.5, 100.5), (1e5, 9e5)],
)
def test_ticks_are_round_evenly_spaced_and_inside(low, high):
    found = figures.ticks(low, high)
    assert 3 <= len(found) <= 11
    assert low <= found[0]
    assert found[-1] <= high
    steps = np.diff(found)
    assert steps == pytest.approx(np.full(len(steps), steps[0]))
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert any(mantissa == pytest.approx(n) for n in (1, 2, 5))


def test_a_confusion_matrix_counts_true_against_predicted(words):
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 2])
    picture = figures.confusion_matrix(labels, predicted, "abc").convert("RGB")
    assert "3 of 6 validation examples wrong" in said(words)
    assert {"predicted", "true", *"abc"} < set(said(words))
    side, left, top = 66, 60, 45
    cells = {
        ((y - top) // side, (x - left) // side): word
        for (x, y), word in words
        if left < x < left + 3 * side and top < y < top + 3 * side
    }
    assert cells == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 0): "2", (2, 2): "1"}
    shade = {
        (row, column): sum(picture.getpixel((left + column * side + 5, top + row * side + 5)))
        for row in range(3)
        for column in range(3)
    }
    assert shade[0, 0] == shade[1, 1] == shade[1, 2] == sum(WHITE)  # mistakes carry the colour
    assert shade[2, 0] < shade[0, 1] < sum(WHITE)


def test_mistakes_are_shown_the_most_confident_first(words):
    images = np.zeros((4, 28, 28), np.uint8)
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.95, 0.05]])
    labels = np.array([0, 0, 0, 1])  # the first is right
    images[3] = 255
    picture = figures.mistakes(images, labels, probabilities, "01").convert("RGB")
    assert said(words) == [
        *("1 as 0, 95%", "0 as 1, 80%", "0 as 1, 60%"),
        "3 mistakes; the most confident",
    ]
    assert picture.getpixel((57, 100)) == (0, 0, 0)  # what is bright on black is dark on white
    assert picture.getpixel((57 + 114, 100)) == WHITE


def test_no_more_mistakes_are_shown_than_fit(words):
    probabilities = np.tile([0.2, 0.8], (40, 1))
    figures.mistakes(np.zeros((40, 28, 28), np.uint8), np.zeros(40, int), probabilities, "01")
    assert len(words) == figures.MISTAKES + 1
    assert words[-1][1].startswith("40 mistakes")


def test_a_model_without_mistakes_has_a_picture_that_says_so(words):
    figures.mistakes(np.zeros((2, 28, 28), np.uint8), np.array([0, 1]), np.eye(2), "01")
    assert said(words) == ["0 mistakes; the most confident"]


@pytest.mark.parametrize(("units", "shown"), [(1, 1), (10, 10), (200, 64)])
def test_first_layer_weights_are_signed_around_white(units, shown, words):
    weights = np.zeros((units, 5, 5))
    weights[0, 0, :3] = 2, -2, 0
    picture = figures.first_layer(weights).convert("RGB")
    assert f"weights of {shown} of {units} first-layer units" in said(words)
    assert "blue -2, white 0, orange +2" in said(words)
    weight = (picture.width - 30) // (6 * int(np.ceil(np.sqrt(shown))))  # pixels a weight
    colors = [picture.getpixel((15 + weight * n + weight // 2, 42)) for n in range(3)]
    assert colors == [figures.VERMILLION, figures.BLUE, WHITE]


def test_weights_that_are_all_zero_can_be_drawn(tmp_path):
    figures.save(figures.first_layer(np.zeros((4, 28, 28))), tmp_path / "new" / "weights.png")
    with Image.open(tmp_path / "new" / "weights.png") as picture:
        assert picture.convert("RGB").getpixel((100, 100)) == WHITE


def test_coloured_photographs_keep_their_colours():
    images = np.full((2, 32, 32, 3), (12, 200, 97), np.uint8)
    picture = figures.mistakes(images, np.array([0, 1]), np.array([[0.1, 0.9], [0.1, 0.9]]), "01")
    assert picture.getpixel((57, 100)) == (12, 200, 97)
