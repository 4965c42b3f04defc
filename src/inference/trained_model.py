"""A trained model as its user meets it: pixels in, probabilities of named classes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from src.errors import InputError

BATCH = 500  # examples at once


@dataclass(frozen=True)
class TrainedModel:
    """One or several networks of one purpose, whose probabilities are averaged."""

    name: str
    members: tuple[nn.Module, ...]  # (B, *shape) float32 to (B, classes) logits
    shape: tuple[int, ...]  # of one example
    classes: tuple[str, ...]
    target: str = "digit"  # the config's data.target, by which labels of files are read
    label: str = "label"  # the column of the labels in a table
    box: float | None = None  # see src.inference.fitting.ink_box

    @torch.inference_mode()
    def probabilities(self, examples: Tensor) -> Tensor:
        """Return (N, classes) for examples (N, *shape) float32, pixels in [0, 1]."""
        parts = [self._mean(batch) for batch in examples.split(BATCH)]
        return torch.cat(parts) if parts else torch.empty(0, len(self.classes))

    def _mean(self, batch: Tensor) -> Tensor:
        return torch.stack([member(batch).softmax(1) for member in self.members]).mean(0)


def check_alike(models: Sequence[TrainedModel]) -> None:
    """Raise InputError where models do not take the same examples to the same classes."""
    first = models[0]
    for model in models[1:]:
        if model.shape != first.shape:
            raise InputError(
                f"{model.name}: takes examples of shape {model.shape}, "
                f"{first.name} of {first.shape}; they cannot be used side by side"
            )
        if model.classes != first.classes:
            raise InputError(
                f"{model.name}: knows the classes {', '.join(model.classes)}, "
                f"{first.name} {', '.join(first.classes)}; they cannot be used side by side"
            )


def ensemble(models: Sequence[TrainedModel], name: str) -> TrainedModel:
    """Return the average of models. Raises InputError where they do not fit together."""
    check_alike(models)
    if len(models) == 1:
        return models[0]
    members = tuple(member for model in models for member in model.members)
    return replace(models[0], name=f"{name}, {len(models)} runs averaged", members=members)
