"""Diagnostics of networks that learn or stall: gradient norms and unresponsive units.

After Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
networks": in deep sigmoid networks the upper layer saturates and the gradient fades below it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from src.data.splits import Split
from src.metrics import DEAD, GRAD_NORM, SATURATED

Loss = Callable[[Tensor, Tensor], Tensor]  # of logits (N, classes) and labels (N,), their mean
SAMPLE = 1_000  # training examples looked at
END = 0.05  # share of an activation's range that counts as its end
RANGES = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}


def diagnose(model: nn.Module, train: Split, loss: Loss) -> dict[str, float]:
    """Return values for layer k, counted from 1 at the input, on the first training examples.

    `grad_norm/k`: norm of the loss's gradient by the layer's weights. `saturated/k`: share of
    outputs at either end of a sigmoid's or tanh's range. `dead/k`: share of ReLU units
    that are 0 for every example.
    """
    outputs: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
        outputs.append((module, output.detach()))

    watched = [module for module in model.modules() if isinstance(module, (*RANGES, nn.ReLU))]
    hooks = [module.register_forward_hook(keep) for module in watched]
    try:
        inputs, labels = train.batch(slice(SAMPLE))
        assert labels is not None, "a training set is labelled"
        weights = [w for w in model.parameters() if w.ndim > 1 and w.requires_grad]
        value = loss(model(inputs), labels)
        gradients = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    finally:
        for hook in hooks:
            hook.remove()
    norms = {f"{GRAD_NORM}/{k}": g.norm().item() for k, g in enumerate(gradients, 1)}
    return norms | dict(_unresponsive(k, *kept) for k, kept in enumerate(outputs, 1))


def _unresponsive(k: int, module: nn.Module, output: Tensor) -> tuple[str, float]:
    if isinstance(module, nn.ReLU):
        silent = (output == 0).flatten(1).all(0)
        return f"{DEAD}/{k}", silent.float().mean().item()
    low, high = RANGES[type(module)]
    margin = END * (high - low)
    at_an_end = (output < low + margin) | (output > high - margin)
    return f"{SATURATED}/{k}", at_an_end.float().mean().item()
