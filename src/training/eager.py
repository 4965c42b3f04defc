"""Optimizers that do not import torch's compiler, which takes as long as torch itself.

torch wraps their methods so that its compiler leaves these alone, and imports it for that when
they are first called (https://github.com/pytorch/pytorch/pull/104664): a second in every process
that trains, for something that nothing here uses.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def unwrap_optimizers() -> None:
    """Put torch's own optimizers back to what they wrap; what they compute stays the same."""
    for name in METHODS:
        setattr(Optimizer, name, inspect.unwrap(getattr(Optimizer, name)))
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, Optimizer) and "step" in vars(kind):
            step = inspect.unwrap(kind.step)
            if step is not kind.step:
                kind.step = _without_gradients(step)


def _without_gradients(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def stepping(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(self.defaults.get("differentiable", False)):
            return step(self, *args, **kwargs)

    return stepping
