"""A model tried on two examples, before anything is recorded of its training."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from src.data.splits import Splits
from src.errors import InputError
from src.messages.error_text import raised_by
from src.training.diagnostics import Loss
from src.training.measures import Measure, measured


def require_weights(model: nn.Module) -> None:
    """Raise ValueError for a model that has nothing to train."""
    if not any(weights.requires_grad for weights in model.parameters()):
        raise ValueError("must have parameters to train; it has none")


def try_out(
    model: nn.Module,
    splits: Splits,
    loss: Loss,
    measures: Mapping[str, Measure],
    batch_size: int,
    choices: Mapping[str, str],
) -> list[str]:
    """Return the names of what the measures tell of the model; `choices` are the options chosen.

    Its weights, its buffers and the random streams stay as they are. Raises InputError unless it
    can be trained on these data and evaluated.
    """
    names: list[str] = []
    of_model, of_loss = (f"{group}={choices.get(group, '')}" for group in ("model", "loss"))
    train, classes = splits.train, splits.classes
    last = len(train) % batch_size or min(batch_size, len(train))
    with _as_it_was(model):
        for count, mode in ((2, False), (min(last, 2), True)):
            with raised_by(f"{of_model}: train({mode})"):
                model.train(mode)
            inputs, labels = train.batch(slice(count))
            assert labels is not None, "a training set is labelled"
            logits = _logits(model, inputs, classes, of_model, mode, batch_size, len(train))
            value = _loss(loss, logits, labels, of_loss)
            if mode:
                _require_gradients(model, value, of_model)
                continue
            for key, measure in measures.items():
                with raised_by(f"metrics={key}:"):
                    names += measured({key: measure}, logits.detach(), labels)
    return names


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


def _logits(
    model: nn.Module,
    inputs: Tensor,
    classes: int,
    name: str,
    is_training: bool,
    batch_size: int,
    total: int,
) -> Tensor:
    sides = "".join(f", {side}" for side in inputs.shape[1:])
    asked = f"{name}: must return logits (B, {classes}) for inputs (B{sides})"
    last = f", also for the last batch of 1 of {total} examples (batch_size={batch_size})"
    with raised_by(f"{asked}{last if len(inputs) == 1 and is_training else ''}; its forward"):
        logits = model(inputs)
    if not isinstance(logits, Tensor):
        raise InputError(f"{asked}; it returned {_kind(logits)}")
    if logits.shape != (len(inputs), classes):
        found = f"{tuple(logits.shape)} for {len(inputs)} examples"
        raise InputError(f"{asked}; it returned {found}")
    if not logits.is_floating_point():
        raise InputError(f"{asked}; it returned {logits.dtype}")
    return logits


def _kind(value: object) -> str:
    kind = type(value).__name__
    return "nothing" if value is None else f"a{'n' if kind[0] in 'aeiouAEIOU' else ''} {kind}"


def _loss(loss: Loss, logits: Tensor, labels: Tensor, name: str) -> Tensor:
    asked = f"{name}: must return the mean over logits (B, classes) and labels (B,) as one number"
    with raised_by(f"{asked}; it"):
        value = loss(logits, labels)
    if not isinstance(value, Tensor) or value.ndim:
        found = tuple(value.shape) if isinstance(value, Tensor) else _kind(value)
        raise InputError(f"{asked}; it returned {found}")
    if logits.requires_grad and not value.requires_grad:
        raise InputError(f"{asked}; no gradient leads from what it returned to the logits")
    return value


def _require_gradients(model: nn.Module, value: Tensor, name: str) -> None:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    asked = f"{name}: must let gradients reach its parameters"
    with raised_by(f"{asked}; the way back"):
        gradients = torch.autograd.grad(value, weights, allow_unused=True)
    if all(gradient is None for gradient in gradients):
        raise InputError(f"{asked}; none has one")
