"""Precision of a model's arithmetic."""

import functools
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from src.errors import InputError


class Precision(StrEnum):
    """The types that products are computed in; weights and losses are float32 always."""

    FLOAT32 = "float32"
    BF16 = "bf16"


def with_precision(model: nn.Module, precision: Precision, device: torch.device) -> nn.Module:
    """Let the model compute in `precision`, return float32. Raises InputError without bf16."""
    if precision == Precision.FLOAT32:
        return model
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(device)
        raise InputError(f"precision=bf16: must be float32 on {name}, which has no bf16")
    forward = model.forward

    @functools.wraps(forward)
    def in_bf16(*inputs: Any) -> Any:
        with torch.autocast(device.type, torch.bfloat16):
            outputs = forward(*inputs)
        return outputs.float() if isinstance(outputs, Tensor) else outputs

    model.forward = in_bf16
    return model
