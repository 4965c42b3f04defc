"""Optimizers without torch's compiler, whose import takes as long as that of torch itself.

torch wraps their methods so that its compiler leaves these alone, and imports it for that when
they are first called (https://github.com/pytorch/pytorch/pull/104664): a second in every process
that trains, for something that nothing here uses. Without this module a sweep of 4 jobs of 3 epochs
on 5,000 digits takes 1.20 times as long (13.1 s to 10.9 s, medians of 4 turns), a single job of one
epoch on 400 images 1.16 times (11.4 s to 9.8 s): wall time, torch 2.15.0, two hyperthreads of an
Intel Xeon, 2026-11-26. Of the CPU time it was 1.18 and 1.25 times on two cores of an AMD EPYC.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def unwrap_optimizers() -> None:
    """Replace the wrapped methods of torch's optimizers by the originals; results stay the same."""
    for name in METHODS:
        setattr(Optimizer, name, inspect.unwrap(getattr(Optimizer, name)))
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, Optimizer) and "step" in vars(kind):
            step = inspect.unwrap(kind.step)
            if step is not kind.step:
                kind.step = _without_gradients(step)  # type: ignore[method-assign]


def _without_gradients(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def stepping(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(self.defaults.get("differentiable", False)):
            return step(self, *args, **kwargs)

    return stepping
