"""scikit-learn's digits, against scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits

from src.data import digits


def load(**changed):
    given = {"n": None, "target": "digit", "val_fraction": 0.25, "split_seed": 0}
    return digits.load(**given | changed)


def test_pixels_are_fractions_of_16_and_labels_the_digits():
    splits, found = load(), load_digits()
    assert splits.input_shape == (1, 8, 8)
    assert np.array_equal(splits.test.inputs[:, 0].numpy() * 16, found.images)
    assert np.array_equal(splits.test.labels.numpy(), found.target)


def test_no_digit_is_both_test_and_training_and_the_test_set_is_always_the_same():
    splits, other = load(), load(split_seed=3, n=500)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (1_078, 359, 360)
    assert splits.test.rows.tolist() == other.test.rows.tolist()
    pool = {image.tobytes() for image in splits.train.inputs.numpy()}
    test = [splits.test.inputs[row].numpy().tobytes() for row in splits.test.rows]
    assert not pool & set(test)


def test_the_binary_target_is_asked_of_them_too():
    assert load(target="high_digit").classes == 2
