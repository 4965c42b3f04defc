"""Splits are held against counting: what is in them, how often, and where it came from."""

import pytest
import torch
from hydra.utils import instantiate

from src.data import mnist, mnist_5k
from src.data.download import folder
from src.data.splits import Split, make_splits, stratified
from src.errors import InputError
from src.rng import stream
from src.training.setup import loader_config


def rows(split) -> set[int]:
    return set(split.rows.tolist())


def draw(n=None, target="digit", val_fraction=0.25, split_seed=0):
    return mnist_5k.load(target, n=n, val_fraction=val_fraction, split_seed=split_seed)


def counts(split, classes=10):
    return torch.bincount(split.labels[split.rows], minlength=classes)


def assert_in_proportion(part, whole):
    """Every class within one digit of its share."""
    expected = counts(whole).double() * len(part) / len(whole)
    assert (counts(part) - expected).abs().max() < 1


@pytest.mark.parametrize("split_seed", [0, 1, 2**32 - 1])
def test_training_and_validation_share_no_digit_and_leave_none_out(split_seed):
    splits = draw(split_seed=split_seed)
    assert not rows(splits.train) & rows(splits.val)
    assert rows(splits.train) | rows(splits.val) == set(range(4_000))


def test_no_digit_of_the_5k_is_both_test_and_training_or_validation():
    splits = draw()
    pool = {image.numpy().tobytes() for image in splits.train.inputs}
    test = {splits.test.inputs[row].numpy().tobytes() for row in splits.test.rows}
    everything = {image.numpy().tobytes() for image in splits.test.inputs}
    assert len(test) == 1_000
    assert not pool & test
    assert pool | test == everything


@pytest.mark.parametrize("split_seed", [0, 1])
def test_validation_and_training_hold_every_class_in_proportion(split_seed):
    splits = draw(n=1_003, val_fraction=0.3, split_seed=split_seed)
    both = Split(splits.train.inputs, splits.train.labels, torch.arange(4_000))
    assert_in_proportion(splits.train, both)
    assert_in_proportion(splits.val, both)
    assert len(splits.train) + len(splits.val) == 1_003


def test_a_stratified_draw_takes_largest_remainders():
    # 7, 2 and 1 of 10; a draw of 5 owes 3.5, 1 and 0.5, so the first of the two halves gains one.
    labels = torch.tensor([0] * 7 + [1] * 2 + [2])
    taken, left = stratified(labels, torch.arange(10), 5, stream(0, "test"))
    assert torch.bincount(labels[taken]).tolist() == [4, 1]
    assert sorted(torch.cat([taken, left]).tolist()) == list(range(10))


def test_same_split_seed_same_split_and_another_seed_another():
    first, again, other = draw(), draw(), draw(split_seed=1)
    assert torch.equal(first.train.rows, again.train.rows)
    assert torch.equal(first.val.rows, again.val.rows)
    assert first.split_digest == again.split_digest
    assert not torch.equal(first.val.rows, other.val.rows)
    assert first.split_digest != other.split_digest
    assert first.digest == other.digest


def test_the_seed_splits_unless_split_seed_does(config):
    assert config("seed=3").nested["data"]["split_seed"] == 3
    assert config("seed=3", "data.split_seed=5").nested["data"]["split_seed"] == 5


def test_the_test_set_of_the_5k_is_the_same_for_every_seed_and_subset():
    expected = draw().test
    for other in (draw(split_seed=9), draw(n=100), draw(val_fraction=0.5)):
        assert torch.equal(other.test.rows, expected.rows)
        assert torch.equal(other.test.labels, expected.labels)


def test_the_5k_defaults_are_3000_1000_1000(config):
    splits = instantiate(config("data=mnist_5k").nested["data"])
    assert (len(splits.train), len(splits.val), len(splits.test)) == (3_000, 1_000, 1_000)
    assert counts(splits.train).tolist() == [300] * 10
    assert splits.classes == 10


def test_full_mnist_defaults_are_50000_10000_10000(config, mnist_root):
    nested = config("data=mnist", f"data.root={mnist_root}").nested["data"]
    splits = instantiate(loader_config(nested))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (50_000, 10_000, 10_000)
    assert not rows(splits.train) & rows(splits.val)
    # LeCun's counts of each digit in the training and the test set.
    everything = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (counts(splits.train) + counts(splits.val)).tolist() == everything
    assert counts(splits.test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    both = Split(splits.train.inputs, splits.train.labels, torch.arange(60_000))
    assert_in_proportion(splits.val, both)


def test_full_mnist_is_read_from_files_that_processes_share(mnist_root):
    images, *_ = mnist.read(folder("mnist", mnist_root), "mnist")
    assert images.dtype == torch.uint8
    assert images.shape == (60_000, 1, 28, 28)


def test_high_digit_asks_whether_a_digit_is_5_or_more():
    digit, high = draw(), draw(target="high_digit")
    for one, other in ((digit.train, high.train), (digit.test, high.test)):
        assert other.labels.tolist() == [int(label >= 5) for label in one.labels.tolist()]
    assert high.classes == 2
    assert high.digest != digit.digest


def test_a_subset_in_proportion_of_the_binary_target_is_drawn_too():
    splits = draw(n=101, target="high_digit", val_fraction=0.2)
    assert len(splits.train) + len(splits.val) == 101
    assert abs(int(counts(splits.train)[1]) - 40.5) < 1


def test_a_batch_is_pixels_over_255_with_their_labels():
    splits = draw(n=100)
    images, labels = splits.train.batch(torch.tensor([3, 1]))
    rows = splits.train.rows[[3, 1]]
    assert images.dtype == torch.float32
    torch.testing.assert_close(images.double(), splits.train.inputs[rows].double() / 255)
    assert labels.tolist() == splits.train.labels[rows].tolist()


@pytest.mark.parametrize("size", [1, 7, 64, 1_000, 1_024, 1_500, 9_999])
def test_batches_are_those_drawn_one_by_one(size):
    train = draw(n=4_000).train
    positions = torch.randperm(len(train))
    one_by_one = [train.batch(positions[k : k + size]) for k in range(0, len(train), size)]
    batches = list(train.batches(positions, size))
    assert len(batches) == len(one_by_one)
    for batch, reference in zip(batches, one_by_one, strict=True):
        assert all(map(torch.equal, batch, reference))


def test_splits_move_their_shared_pool_once():
    splits = draw(n=100)
    moved = splits.to(torch.device("meta"))
    assert moved.train.inputs is moved.val.inputs
    assert moved.train.inputs.device.type == moved.test.rows.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 4_001}, "data.n=4001: must be at most 4000, the samples of mnist_5k"),
        ({"n": 12, "val_fraction": 0.1}, "the validation set of 1 lacks 9 of 10 classes"),
        ({"n": 12, "val_fraction": 0.9}, "the training set of 1 lacks 9 of 10 classes"),
        ({"val_fraction": 0.0001}, "the validation set of 0 lacks 10 of 10 classes"),
    ],
)
def test_a_split_that_misses_a_class_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        draw(**arguments)


def test_a_pool_of_one_class_is_refused():
    pool = torch.zeros(10, 1, 28, 28, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64)
    drawing = {"n": None, "val_fraction": 0.5, "split_seed": 0}
    with pytest.raises(InputError, match="must have 2 classes at least"):
        make_splits("ones", "content", pool, None, **drawing)
