"""The state of a training on disk, whenever a signal comes."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from src.training.checkpoint import Checkpoint, write


# An interrupt between opening a file and the body that closes it leaves that to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_ctrl_c_while_it_is_written_is_ctrl_c_and_leaves_a_whole_one(tmp_path):
    model = torch.nn.Linear(784, 200)
    checkpoint = Checkpoint(tmp_path / "job.pt", {"model": model}, {"order": torch.Generator()})
    checkpoint.save([], None)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for moment in range(60):
            signal.setitimer(signal.ITIMER_REAL, 0.001 + moment * 0.0001)
            with suppress(KeyboardInterrupt):  # which may be lost in a callback of Python's own
                for _ in range(20):
                    checkpoint.save([], None)
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert checkpoint.load() == ([], None)
    finally:
        signal.signal(signal.SIGALRM, before)


RANDOM = ("activation._target_=torch.nn.RReLU", "epochs=4")  # draws its slopes while it trains


@pytest.fixture
def epochs(config, components):
    """The losses of the epochs that components of one kind train, after those that are done."""

    def trained(built, done: int = 0) -> Iterator[float]:
        return (epoch.train_loss for epoch in built.epochs(config(*RANDOM), done))

    return trained


def test_what_a_layer_draws_follows_from_the_seed_and_from_nothing_before(components, epochs):
    once = list(epochs(components(*RANDOM)))
    torch.rand(7)
    assert list(epochs(components(*RANDOM))) == once
    assert list(epochs(components(*RANDOM, "seed=1"))) != once


@pytest.mark.slow
@pytest.mark.parametrize(
    "also", [(), ("augment=affine", "model.dropout=0.5"), ("augment=crop_flip",)]
)
def test_a_training_that_draws_goes_on_where_it_was_cut_off(also, components, epochs, tmp_path):
    own = (*RANDOM, *also)
    whole = list(epochs(components(*own)))
    cut_off = components(*own)
    training = epochs(cut_off)
    assert [next(training), next(training)] == whole[:2]
    cut_off.checkpoint(tmp_path / "job.pt").save([], None)
    torch.rand(7)
    goes_on = components(*own)
    goes_on.checkpoint(tmp_path / "job.pt").load()
    assert list(epochs(goes_on, done=2)) == whole[2:]


def test_a_training_ends_where_it_is_to_stop_and_goes_on_from_there(config, components, tmp_path):
    def losses(file: str, *also: str) -> list[float]:
        built = components(*RANDOM, *also)
        checkpoint = built.checkpoint(tmp_path / file)
        seen = lambda epochs, earlier: epochs  # noqa: E731
        result = built.train(config(*RANDOM, *also), checkpoint, seen, checkpoint.save)
        return [epoch.train_loss for epoch in result.history]

    whole = losses("whole.pt")
    assert len(whole) == 4
    assert losses("part.pt", "stop_after=2") == whole[:2]
    assert losses("part.pt", "stop_after=1") == whole[:2]
    assert losses("part.pt") == whole


def test_of_a_damaged_file_nothing_is_taken(components, epochs, tmp_path, capsys):
    built = components(*RANDOM)
    checkpoint = built.checkpoint(tmp_path / "job.pt")
    checkpoint.save([], None)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2])
    assert checkpoint.load() == ([], None)
    assert f"{checkpoint.path}: cannot be read, so training begins anew" in capsys.readouterr().out
    assert list(epochs(built)) == list(epochs(components(*RANDOM)))


def test_a_file_that_cannot_be_written_leaves_the_last_one_and_no_half(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "job.pt", {}, {"order": torch.Generator()})
    checkpoint.save([], None)

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save([], {})
    assert [path.name for path in tmp_path.iterdir()] == ["job.pt"]
    assert checkpoint.load() == ([], None)


def test_a_full_disk_is_told_in_the_system_s_words():
    full = Path("/dev/full")
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write({"weights": torch.zeros(10_000)}, full)
