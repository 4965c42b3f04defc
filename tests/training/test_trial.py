"""A model that cannot be trained is told before it is: in one line, and with nothing changed."""

import signal
import sys
from asyncio import CancelledError
from dataclasses import replace

import pytest
import torch
from torch import nn

from src.errors import InputError
from src.process.signals import handle_signals
from src.training.components import build
from src.training.setup import prepare


class Model(nn.Module):
    """A linear model of 28x28 images, whose outputs a test may spoil."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(784, classes)

    def forward(self, inputs):
        return self.spoil(self.layer(inputs.flatten(1)))

    def spoil(self, logits):
        return logits


def fail(logits):
    raise RuntimeError("no way\nthrough")


def end(error):
    def spoil(logits):
        raise error

    return spoil


SPOILT = {
    "another number of classes": (lambda x: x[:, :3], r"it returned \(2, 3\) for 2 examples"),
    "a tuple": (lambda x: (x, x), "it returned a tuple"),
    "nothing": (lambda x: None, "it returned nothing"),
    "one dimension": (lambda x: x.argmax(1).float(), r"it returned \(2,\) for 2 examples"),
    "labels": (lambda x: x.long(), "it returned torch.int64"),
    "an exception": (fail, "its forward raised RuntimeError: no way through"),
    "an exit": (end(SystemExit("bye")), "its forward raised SystemExit: bye"),
    "an end": (end(GeneratorExit()), "its forward raised GeneratorExit$"),
    "a cancellation": (end(CancelledError("now")), "its forward raised CancelledError: now"),
    "an iterator's end": (end(StopIteration(3)), "its forward raised StopIteration: 3"),
    "no real Ctrl-C": (end(KeyboardInterrupt()), "its forward raised KeyboardInterrupt$"),
    "a mean over the batch": (lambda x: x.mean(0, keepdim=True), r"\(1, 10\) for 2 examples"),
}


def built(config, *overrides):
    resolved = config("data=mnist_5k", "data.n=400", "device=cpu", "threads=1", *overrides)
    return build(resolved, prepare(resolved))


@pytest.fixture
def mine(monkeypatch):
    """Overrides that take the model of this file as `model=mlp`, with its outputs spoilt."""

    def overrides(spoil=None):
        if spoil:
            monkeypatch.setattr(Model, "spoil", lambda self, logits: spoil(logits))
        keys = ("depth", "width", "norm", "dropout", "activation", "init")
        return [f"model._target_={__name__}.Model", *(f"~model.{key}" for key in keys)]

    return overrides


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_what_forward_returns_must_be_logits(spoil, message, mine, config):
    with handle_signals(), pytest.raises(InputError, match=message) as refused:
        built(config, *mine(spoil))
    asked = r"model=mlp: must return logits (B, 10) for inputs (B, 1, 28, 28)"
    assert str(refused.value).startswith(asked)
    assert "\n" not in str(refused.value)


def test_a_model_that_works_is_left_alone(mine, config):
    assert isinstance(built(config, *mine()).model, Model)


@pytest.mark.parametrize("word", ["Exception", "Terminated"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_stop_while_a_model_is_tried_stays_one(number, word, mine, config):
    def stop(logits):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as stopped:
            if word == "Exception":  # which hides it, as many libraries do
                raise RuntimeError("no matter") from None
            raise stopped

    with pytest.raises(KeyboardInterrupt), handle_signals():
        built(config, *mine(stop))


class Broken(torch.autograd.Function):
    """An operation without a way back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        sys.exit("no way")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x.detach(), "must let gradients reach its parameters; "),
        (Broken.apply, "must let gradients .*; the way back raised SystemExit: no way"),
    ],
)
def test_gradients_must_reach_the_weights(spoil, message, mine, config):
    with pytest.raises(InputError, match=f"^model=mlp: {message}"):
        built(config, *mine(spoil))


def test_a_method_in_the_place_of_one_that_torch_calls_is_told(mine, config, monkeypatch):
    monkeypatch.setattr(Model, "train", lambda self, data, epochs: None)
    with pytest.raises(
        InputError, match=r"^model=mlp: train\(False\) raised TypeError: .*'epochs'"
    ):
        built(config, *mine())


@pytest.mark.parametrize("target", ["torch.nn.Flatten", "torch.nn.Identity"])
def test_a_model_without_weights_is_refused(target, mine, config):
    overrides = [f"model._target_={target}", *mine()[1:]]
    with pytest.raises(InputError, match=r"^model=mlp: must have parameters to train"):
        built(config, *overrides)


def test_a_last_batch_of_one_is_tried_with_batch_normalisation(config):
    # 300 examples to train on: a batch size of 299 leaves a last batch of one.
    with pytest.raises(InputError, match=r"last batch of 1 of 300 examples \(batch_size=299\)"):
        built(config, "model.norm=batch", "batch_size=299")
    built(config, "model.norm=batch", "batch_size=298")
    built(config, "model.norm=layer", "batch_size=299")


def test_a_trial_changes_neither_buffers_nor_modes_nor_random_streams(config):
    overrides = ("model=cnn", "model.norm=batch", "model.dropout=0.5")
    model = built(config, *overrides).model
    normal = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert normal.num_batches_tracked == 0
    assert not normal.running_mean.any()
    assert model.training
    drawn = torch.rand(3)
    built(config, *overrides)
    assert torch.equal(torch.rand(3), drawn)  # the stream begins where it did


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("torch.nn.NLLLoss2d", "loss"),
        ("torch.nn.L1Loss", "loss=cross_entropy: must return the mean"),
        (
            f"{__name__}.Wrong",
            "loss=cross_entropy: must return the mean .*; no gradient leads from",
        ),
    ],
)
def test_a_loss_that_does_not_take_logits_and_labels_is_refused(target, message, config):
    with pytest.raises(InputError, match=f"^{message}"):
        built(config, f"loss._target_={target}")


class Wrong(nn.Module):
    """A loss that counts errors, of which nothing can be learnt."""

    def forward(self, logits, labels):
        return (logits.argmax(1) != labels).float().mean()


def odd(logits, labels):
    return "high"


def broken(logits, labels):
    raise ValueError("no labels\nat all")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("odd", "metrics=mine: must return a number, or a tensor of one a class"),
        ("broken", "metrics=mine: raised ValueError: no labels at all"),
        ("gone", "metrics=mine: .*gone"),
    ],
)
def test_a_metric_that_does_not_work_is_refused(function, message, config):
    own = "{direction:minimize,unit:none,function:{_target_:%s.%s,_partial_:true}}"
    with pytest.raises(InputError, match=f"^{message}"):
        built(config, f"+metrics.mine={own % (__name__, function)}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "by", ["val/ece", "train/error", "test/error", "error", "val/error/3", "val/class_error"]
)
def test_an_epoch_is_selected_by_a_metric_of_the_validation_set(by, config):
    with pytest.raises(InputError, match=f"^select_by={by}: .*must be"):
        built(config, f"select_by={by}", "metrics=[class_error]")
    built(config, "select_by=val/class_error/3", "metrics=[class_error]")


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["val/foo", "ece", "test/loss", "best/epoch", "val/ece/1"])
def test_jobs_are_compared_by_a_metric_that_is_measured(metric, config):
    with pytest.raises(InputError, match=f"^compare.metric={metric}: .*such as test/error, test/"):
        built(config, f"compare.metric={metric}", "metrics=[ece]")
    for measured in ("test/ece", "best/val_loss", "final/train_ece"):
        built(config, f"compare.metric={measured}", "metrics=[ece]")


def test_jobs_without_a_test_set_are_not_compared_on_one(config):
    resolved = config("data=mnist_5k", "device=cpu", "threads=1", "compare.metric=test/error")
    environment = prepare(resolved)
    build(resolved, environment)
    untested = replace(environment, splits=replace(environment.splits, test=None))
    with pytest.raises(InputError, match=r"^compare.metric=test/error: .* such as val/error, val/"):
        build(resolved, untested)


class Lazy(nn.Sequential):
    """A model whose layer learns from its first batch how many inputs it has."""

    def __init__(self, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.LazyLinear(classes))


def test_lazy_layers_draw_from_the_stream_of_the_initial_weights(mine, config):
    overrides = [f"model._target_={__name__}.Lazy", *mine()[1:]]

    def drawn(seed: int, before: int = 0) -> torch.Tensor:
        torch.manual_seed(before)  # what a process has drawn before decides nothing
        return built(config, *overrides, f"seed={seed}").model[1].weight.detach()

    assert drawn(0).shape == (10, 784)
    assert torch.equal(drawn(0), drawn(0, before=1))
    assert not torch.equal(drawn(0), drawn(1))
