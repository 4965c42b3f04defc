"""Targets: what is asked of a picture of a digit."""

from torch import Tensor

from src.errors import InputError

TARGETS = {
    "class": lambda labels: labels,
    "digit": lambda labels: labels,
    "high_digit": lambda labels: (labels >= 5).long(),
}


def relabelled(labels: Tensor, target: str) -> Tensor:
    """Return labels (N,) int64 of the digits 0 to 9 as those of the target, of the same shape.

    Raises InputError for an unknown target.
    """
    if target not in TARGETS:
        raise InputError(f"data.target={target}: must be one of {', '.join(TARGETS)}")
    return TARGETS[target](labels)
