"""Programs of torch.export: trained models that run without this project.

https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/export.html
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from torch.export import ExportedProgram

FILE = "model.pt2"  # as MLflow names it


@dataclass(frozen=True)
class Program:
    """The program of a run in a folder of its own, and what MLflow is told of it."""

    folder: Path
    config: Path  # the run's resolved config
    example: "np.ndarray"  # two or more inputs (N, *shape) float32
    metadata: Mapping[str, Any]
    torch_version: str


def trace(module: "nn.Module", example: "Tensor") -> "ExportedProgram":
    """Return the program of a model for any number of examples.

    Raises what torch.export says of a model that it cannot trace.
    """
    import torch

    batch = {0: torch.export.Dim.AUTO}
    return torch.export.export(module, (example,), dynamic_shapes=[batch])


def prepare() -> None:
    """Import what `trace` needs; torch.export imports most of it when it is first called."""
    try:
        import torch

        trace(torch.nn.Identity(), torch.zeros(2))
    except Exception:  # the first real one raises it again
        logging.getLogger(__name__).info("not imported", exc_info=True)
