"""Further measures of a classifier: functions of logits and labels, called once for a split."""

from collections.abc import Callable, Mapping

from torch import Tensor

from src.errors import InputError

Measure = Callable[[Tensor, Tensor], Tensor | float]  # of logits (N, C) and labels (N,)


def measured(measures: Mapping[str, Measure], logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the values by name; those of a measure that has one for each class as `name/class`.

    Raises InputError for a measure that returns anything else.
    """
    found: dict[str, float] = {}
    for name, measure in measures.items():
        value = measure(logits, labels)
        if isinstance(value, Tensor) and value.ndim == 1:
            found |= {f"{name}/{k}": v for k, v in enumerate(value.tolist())}
        elif isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1):
            found[name] = float(value)
        else:
            raise InputError(f"metrics={name}: must return a number, or a tensor of one a class")
    return found
