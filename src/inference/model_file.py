"""A trained model as a file for other programs: ONNX, torch.export program or state dict.

https://onnx.ai and https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/export.html
"""

import json
import warnings
from pathlib import Path

import torch

from src.inference.trained_model import TrainedModel
from src.messages.error_text import told_as
from src.tracking.program import trace

INPUT, OUTPUT = "pixels", "logits"  # names in ONNX: (N, *shape) float32 and (N, classes) float32


def write(model: TrainedModel, file: Path) -> None:
    """Write a model by the suffix of the file. Raises InputError where it cannot be written."""
    (module,) = model.members
    with told_as(f"out={file}: cannot be written"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of torch's own exporter
        if file.suffix == ".pt":
            torch.save(module.state_dict(), file)
            return
        program = trace(module, torch.zeros(2, *model.shape))
        if file.suffix == ".pt2":
            torch.export.save(program, file)
            return
        import onnx

        exported = torch.onnx.export(
            program, input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False
        )
        assert exported is not None, "without a file the program is returned"
        proto = exported.model_proto
        onnx.helper.set_model_props(proto, {"classes": json.dumps(model.classes)})
        file.write_bytes(proto.SerializeToString())
