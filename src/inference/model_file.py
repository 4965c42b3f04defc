"""A trained model as a file for other programs: ONNX, torch.export program or state dict.

https://onnx.ai and https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/export.html
"""

import json
import warnings
from pathlib import Path

import torch

from src.errors import InputError
from src.inference.trained_model import TrainedModel
from src.messages.error_text import refusal
from src.tracking.program import trace

INPUT, OUTPUT = "pixels", "logits"  # names in ONNX: (N, *shape) float32 and (N, classes) float32


def write(model: TrainedModel, file: Path) -> None:
    """Write a model by the suffix of the file. Raises InputError where it cannot be written."""
    try:
        with warnings.catch_warnings():  # of torch's own exporter
            warnings.simplefilter("ignore")
            _write(model, file)
    except OSError as error:
        raise InputError(f"out={file}: cannot be written: {refusal(error)}") from error
    except RuntimeError as error:  # torch's own, of a file and of a model that it cannot trace
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"out={file}: cannot be written: {reason}") from error


def _write(model: TrainedModel, file: Path) -> None:
    (module,) = model.members
    if file.suffix == ".pt":
        with file.open("wb") as target:
            torch.save(module.state_dict(), target)
        return
    program = trace(module, torch.zeros(2, *model.shape))
    if file.suffix == ".pt2":
        with file.open("wb") as target:
            torch.export.save(program, target)
        return
    import onnx

    exported = torch.onnx.export(
        program, input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False
    )
    assert exported is not None, "without a file the program is returned"
    proto = exported.model_proto
    onnx.helper.set_model_props(proto, {"classes": json.dumps(model.classes)})
    file.write_bytes(proto.SerializeToString())
