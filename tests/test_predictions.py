"""Right and wrong predictions as text."""

import numpy as np
import pytest

from src import predictions


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1_000])
def test_what_is_encoded_comes_back(count):
    correct = np.random.default_rng(count).random(count) > 0.5
    assert np.array_equal(predictions.decode(predictions.encode(correct)), correct)


def test_ten_thousand_take_less_than_two_kilobytes():
    assert len(predictions.encode(np.ones(10_000, dtype=bool))) < 2_000


@pytest.mark.parametrize("damage", ["", "8", "8:", "8:x", "x:/w==", "-1:/w==", "-7:", "9:/w=="])
def test_what_is_damaged_is_none(damage):
    assert predictions.decode(damage) is None
