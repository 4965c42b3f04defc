"""Training is held against loops written out by hand, to the bit where torch can be."""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from src.models.cnn import CNN
from src.models.init import matched
from src.models.loss import OneHotMSE
from src.models.mlp import MLP
from src.models.softmax import Softmax
from src.rng import global_stream, stream
from src.training.fit import evaluate, fit, predict, train_epoch

SGD = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "decay": {"weight_decay": 0.01},
    "all": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
}
LOSSES = {"cross_entropy": nn.CrossEntropyLoss(), "mse": OneHotMSE()}


def make(model="mlp", seed=0):
    with global_stream(seed, "initialisation"):
        if model == "softmax":
            return Softmax(matched, (1, 28, 28), 10)
        if model == "cnn":
            return CNN([4, 8], 5, "max", 16, "none", 0.0, nn.ReLU, matched, (1, 28, 28), 10)
        return MLP(1, 20, "none", 0.0, nn.ReLU, matched, (1, 28, 28), 10)


def started(components, epochs, **changed):
    """A fit of `components` that trains when its epochs are asked for."""
    return fit(
        components.model,
        components.optimizer,
        components.splits,
        loss=components.loss,
        schedule=components.schedule,
        order=components.order,
        epochs=range(1, epochs + 1),
        **{"batch_size": 32, "clip_norm": None, "diagnostics": False} | changed,
    )


def trained(components, epochs=3, **changed):
    """The epochs of a fit of `components`, without their wall time, and the weights after it."""
    found = started(components, epochs, **changed)
    figures = [[e.epoch, *(v for k, v in e.metrics.items() if k != "epoch_seconds")] for e in found]
    return figures, [weights.detach().clone() for weights in components.model.parameters()]


def assert_same(ones, others):
    assert all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_same_seed_is_bitwise_identical(model, components):
    epochs, weights = trained(components(f"model={model}", "seed=4"))
    again, same_weights = trained(components(f"model={model}", "seed=4"))
    assert epochs == again
    assert_same(weights, same_weights)


def test_another_seed_is_another_training(components):
    assert trained(components("seed=4"))[0] != trained(components("seed=5"))[0]


def test_looking_at_gradients_and_units_does_not_change_the_training(components):
    plain, weights = trained(components())
    watched, same_weights = trained(components(), diagnostics=True)
    assert [epoch[: len(plain[0])] for epoch in watched] == plain
    assert_same(weights, same_weights)


def test_the_order_of_batches_is_the_same_for_every_model(digits):
    seen = {}
    for name in ("softmax", "mlp", "cnn"):
        model = make(name)
        model.register_forward_pre_hook(
            lambda _, inputs, name=name: seen.setdefault(name, []).append(inputs[0].clone())
        )
        order = stream(3, "batch order")
        for _ in range(2):
            optimizer = torch.optim.SGD(model.parameters(), 0.01)
            train_epoch(model, optimizer, digits.train, LOSSES["cross_entropy"], order, 64, None)
    assert_same(seen["softmax"], seen["mlp"])
    assert_same(seen["softmax"], seen["cnn"])
    assert not torch.equal(seen["mlp"][0], seen["mlp"][5])  # a fresh order every epoch


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("settings", SGD)
def test_an_epoch_is_a_plain_loop_over_batches_to_the_bit(loss, settings, digits):
    ours, theirs = make(), make()
    optimizer = torch.optim.SGD(ours.parameters(), 0.05, **SGD[settings])
    reference = torch.optim.SGD(theirs.parameters(), 0.05, **SGD[settings])
    order, same_order = stream(3, "batch order"), stream(3, "batch order")
    images = digits.train.inputs[digits.train.rows].float() * (1 / 255)
    labels = digits.train.labels[digits.train.rows]
    for _ in range(2):
        train_epoch(ours, optimizer, digits.train, LOSSES[loss], order, 64, None)
        permutation = torch.randperm(300, generator=same_order)
        for first in range(0, 300, 64):
            batch = permutation[first : first + 64]
            reference.zero_grad()
            LOSSES[loss](theirs(images[batch]), labels[batch]).backward()
            reference.step()
    assert_same(ours.parameters(), theirs.parameters())


@pytest.mark.parametrize("settings", SGD)
def test_softmax_regression_is_its_updates_written_out(settings, digits):
    model = make("softmax")
    momentum = SGD[settings].get("momentum", 0.0)
    decay = SGD[settings].get("weight_decay", 0.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, **SGD[settings])
    weight, bias = (w.detach().double().clone() for w in model.parameters())
    velocity = None
    train_epoch(
        model, optimizer, digits.train, LOSSES["cross_entropy"], stream(3, "order"), 64, None
    )
    for batch in torch.randperm(300, generator=stream(3, "order")).split(64):
        rows = digits.train.rows[batch]
        x = digits.train.inputs[rows].reshape(-1, 784).double() / 255
        y = torch.eye(10, dtype=torch.double)[digits.train.labels[rows]]
        p = (x @ weight.T + bias).softmax(1)
        gradients = [(p - y).T @ x / len(x) + decay * weight, (p - y).mean(0) + decay * bias]
        velocity = [
            g if velocity is None else momentum * v + g
            for g, v in zip(gradients, velocity or gradients, strict=True)
        ]
        nesterov = SGD[settings].get("nesterov", False)
        steps = [
            g + momentum * v if nesterov else v for g, v in zip(gradients, velocity, strict=True)
        ]
        weight, bias = weight - 0.05 * steps[0], bias - 0.05 * steps[1]
    torch.testing.assert_close(model[1].weight.double(), weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model[1].bias.double(), bias, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_optimizers_of_the_config_are_torchs_with_its_settings(name, components):
    built = components(f"optimizer={name}", "optimizer.lr=0.01", "optimizer.weight_decay=0.1")
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    assert type(built.optimizer) is kinds.get(name, torch.optim.SGD)
    group = built.optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)
    if name in ("sgd", "momentum"):
        assert group["momentum"] == (0.9 if name == "momentum" else 0.0)
    trained_weights = trained(built, epochs=1)[1]
    with pytest.raises(AssertionError):
        assert_same(trained_weights, components().model.parameters())


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (["optimizer.nesterov=true"], "nesterov", True),
        (["optimizer.momentum=0.5"], "momentum", 0.5),
        (["optimizer=adam", "optimizer.betas=[0.8,0.9]"], "betas", (0.8, 0.9)),
    ],
)
def test_a_setting_of_an_optimizer_reaches_it(overrides, key, value, components):
    assert components(*overrides).optimizer.param_groups[0][key] == value


def test_a_last_smaller_batch_is_trained_on_too(digits):
    sizes = []
    model = make("softmax")
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    train_epoch(model, optimizer, digits.train, LOSSES["cross_entropy"], stream(0, ""), 128, None)
    assert sizes == [128, 128, 44]


def test_a_batch_larger_than_the_set_is_the_set(digits):
    model, reference = make("softmax"), make("softmax")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    train_epoch(model, optimizer, digits.train, LOSSES["cross_entropy"], stream(0, ""), 999, None)
    images, labels = digits.train.batch(slice(None))
    functional.cross_entropy(reference(images), labels).backward()
    for one, other in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(one, other - 0.1 * other.grad)


@pytest.mark.parametrize("clip_norm", [0.01, 1.0, 1e6])
def test_a_clipped_update_is_no_longer_than_the_norm(clip_norm, digits):
    model, reference = make(), make()
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    loss, order = LOSSES["cross_entropy"], stream(0, "")
    train_epoch(model, optimizer, digits.train, loss, order, 300, clip_norm)
    images, labels = digits.train.batch(slice(None))
    loss(reference(images), labels).backward()
    gradient = torch.cat([w.grad.reshape(-1) for w in reference.parameters()])
    update = torch.cat(
        [
            (before - after).detach().reshape(-1)
            for before, after in zip(reference.parameters(), model.parameters(), strict=True)
        ]
    )
    expected = gradient * min(1.0, clip_norm / gradient.norm().item())
    torch.testing.assert_close(update, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
@pytest.mark.parametrize("loss", LOSSES)
def test_evaluation_is_the_mean_over_digits_taken_one_by_one(model, loss, digits):
    network = make(model)
    losses, wrong = [], 0
    with torch.no_grad():
        for row in digits.val.rows.tolist():
            logits = network(digits.val.inputs[row : row + 1].double().div(255).float())[0]
            label = int(digits.val.labels[row])
            target = functional.one_hot(torch.tensor(label), 10).double()
            scores = logits.double()
            entropy = scores.exp().sum().log() - scores[label]
            losses.append(entropy if loss == "cross_entropy" else (scores - target).square().mean())
            wrong += int(logits.argmax()) != label
    found = evaluate(network, digits.val, LOSSES[loss])
    assert found["error"] == wrong / 100
    assert found["loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


def test_a_smaller_last_batch_of_an_evaluation_weighs_what_it_holds(monkeypatch, digits):
    network = make()
    whole = evaluate(network, digits.test, LOSSES["cross_entropy"])
    monkeypatch.setattr("src.training.fit.EVALUATION_BATCH", 300)
    in_parts = evaluate(network, digits.test, LOSSES["cross_entropy"])
    assert in_parts["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert in_parts["error"] == whole["error"]
    torch.testing.assert_close(
        predict(network, digits.test), network(digits.test.batch(slice(None))[0])
    )


def test_the_errors_of_an_epoch_are_those_after_its_updates(components):
    built = components()
    epochs, _ = trained(built, epochs=2)
    _, train_loss, train_error, val_loss, val_error, _ = epochs[-1]
    train = evaluate(built.model, built.splits.train, built.loss)
    assert train == {"loss": train_loss, "error": train_error}
    val = evaluate(built.model, built.splits.val, built.loss)
    assert val == {"loss": val_loss, "error": val_error}


def test_an_evaluation_leaves_the_model_able_to_train_on(components):
    built = components()
    evaluate(built.model, built.splits.val, built.loss)
    images, labels = built.splits.train.batch(slice(10))
    built.loss(built.model(images), labels).backward()
    assert all(weights.grad is not None for weights in built.model.parameters())


@pytest.mark.parametrize(
    ("overrides", "lr"),
    [
        (["schedule=constant"], lambda epoch: 0.05),
        (["schedule=step", "schedule.step_size=2"], lambda epoch: 0.05 * 0.1 ** ((epoch - 1) // 2)),
        (
            ["schedule=step", "schedule.step_size=3", "schedule.gamma=0.5"],
            lambda epoch: 0.05 * 0.5 ** ((epoch - 1) // 3),
        ),
        (
            ["schedule=cosine", "schedule.eta_min=0.01"],
            lambda epoch: 0.01 + 0.04 * (1 + math.cos(math.pi * (epoch - 1) / 7)) / 2,
        ),
    ],
)
def test_a_schedule_is_its_closed_form_epoch_by_epoch(overrides, lr, components):
    built = components("epochs=7", "model=softmax", *overrides)
    epochs, _ = trained(built, epochs=7)
    assert [epoch[-1] for epoch in epochs] == pytest.approx([lr(e) for e in range(1, 8)])


def test_a_divergence_is_the_last_epoch_and_no_exception(components):
    built = components("model=softmax", "loss=mse", "optimizer.lr=1e6")
    found = list(started(built, epochs=49))
    assert len(found) < 49
    assert found[-1].diverged
    assert not any(epoch.diverged for epoch in found[:-1])


def test_nothing_is_trained_before_it_is_asked_for(components):
    built = components()
    before = [weights.detach().clone() for weights in built.model.parameters()]
    epochs = started(built, epochs=2)
    assert_same(before, built.model.parameters())
    assert next(epochs).epoch == 1


def test_a_training_learns(components):
    built = components("data.n=null", "epochs=5")
    epochs, _ = trained(built, epochs=5, batch_size=64)
    assert epochs[-1][4] < 0.1  # 200 hidden ReLU, 3,000 digits: near 6 %


@pytest.mark.parametrize(
    ("schedule", "lr"),
    [
        ("schedule.warmup=0.25", lambda n: 0.05 * min((n + 1) / 11, 1) if n < 10 else None),
        ("schedule.warmup=0", lambda n: 0.05 * (1 + math.cos(math.pi * n / 40)) / 2),
    ],
)
def test_a_warm_up_is_its_closed_form_update_by_update(schedule, lr, components):
    # 300 examples in batches of 32 are 10 updates an epoch, 40 in all.
    built = components("epochs=4", "batch_size=32", "schedule=warmup_cosine", schedule)
    seen = []
    built.model.register_forward_pre_hook(
        lambda model, _: (
            seen.append(built.optimizer.param_groups[0]["lr"]) if model.training else None
        )
    )
    list(started(built, 4, per_update=built.per_update))
    assert len(seen) == 40
    expected = [lr(n) for n in range(40)]
    assert [s for s, e in zip(seen, expected, strict=True) if e is not None] == pytest.approx(
        [e for e in expected if e is not None]
    )
    if schedule == "schedule.warmup=0.25":  # then half a cosine over the 30 that are left
        cosine = [0.05 * (1 + math.cos(math.pi * n / 30)) / 2 for n in range(30)]
        assert seen[10:] == pytest.approx(cosine)


def test_one_cycle_is_that_of_torch_over_all_updates(components):
    built = components("epochs=2", "batch_size=32", "schedule=one_cycle")
    weight = nn.Parameter(torch.zeros(1))
    reference = torch.optim.SGD([weight], 0.05, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(reference, 0.05, total_steps=20)
    seen, expected = [], []
    built.model.register_forward_pre_hook(
        lambda model, _: (
            seen.append(built.optimizer.param_groups[0]["lr"]) if model.training else None
        )
    )
    list(started(built, 2, per_update=built.per_update))
    for _ in range(20):
        expected.append(reference.param_groups[0]["lr"])
        reference.step()
        cycle.step()
    assert seen == pytest.approx(expected)


def test_without_decay_all_biases_and_norms_keep_their_length(components):
    overrides = ("model.norm=batch", "optimizer=sgd", "optimizer.weight_decay=0.5")
    spared = components(*overrides, "optimizer.decay_all=false")
    groups = spared.optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0]
    assert {weight.ndim for weight in groups[0]["params"]} == {2}
    assert {weight.ndim for weight in groups[1]["params"]} == {1}
    counted = sum(len(group["params"]) for group in groups)
    assert counted == len(list(spared.model.parameters()))
    (alone,) = components(*overrides).optimizer.param_groups
    assert alone["weight_decay"] == 0.5


def test_bf16_computes_coarser_products_and_returns_float32(components):
    plain, coarse = components("model=mlp"), components("model=mlp", "precision=bf16")
    images, _ = plain.splits.train.batch(slice(50))
    one, other = plain.model(images), coarse.model(images)
    assert other.dtype == torch.float32
    error = ((one - other).abs().max() / one.abs().max()).item()
    assert 1e-5 < error < 0.05  # bf16 has 8 significant bits
    assert_same(plain.model.parameters(), coarse.model.parameters())


def test_label_smoothing_is_its_formula(components):
    built = components("loss=label_smoothing", "loss.label_smoothing=0.2")
    logits, labels = torch.randn(6, 10), torch.arange(6)
    targets = 0.8 * torch.eye(10)[labels] + 0.2 / 10
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(built.loss(logits, labels), expected)


def test_augmentation_reaches_updates_alone_and_each_epoch_anew(components):
    built = components("augment=shift")
    seen = {True: [], False: []}
    built.model.register_forward_pre_hook(
        lambda model, inputs: seen[model.training].append(inputs[0].clone())
    )
    augment = partial(built.augment, draw=built.augmentation)
    list(started(built, 2, augment=augment, batch_size=300))
    exact = built.splits.train.batch(slice(None))[0]
    assert torch.equal(seen[False][0], exact)
    sums = [images.sum((1, 2, 3)).sort().values for images in (*seen[True], exact)]
    assert all(not torch.equal(a, b) for a, b in pairwise(sums))
