"""Hand over a sweep, or a model: `python -m src.export out=FILE [sweep=last|run=ID|model=URI]`.

The suffix of FILE says what is written:

  out=FILE.zip           a sweep's report, tables, configs, figures of every job, environment, code
                         and the command that repeats it, as an RO-Crate; see src.rerun
  out=FILE.onnx          a model in ONNX (`pip install -e '.[onnx]'`)
  out=FILE.pt2           a model as a torch.export program
  out=FILE.pt            a model's weights, a state dict
  sweep=last|RUN_ID      the sweep, or the best of its runs; the last sweep's is the default
  run=RUN_ID, model=URI  another model
  tracking.KEY=VALUE     where the runs are, as for training
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from src import command_line
from src.errors import InputError

ARCHIVE, ONNX = ".zip", ".onnx"
MODELS = (ONNX, ".pt2", ".pt")
PACKAGES = ("onnx", "onnxscript")  # needed for ONNX


def main(arguments: Sequence[str]) -> None:
    """Write the file and print what it holds. Raises InputError where it cannot be written."""
    words = command_line.parse(arguments, ("out", "sweep", "run", "model"))
    words.no_files()
    file = words.output("out", (ARCHIVE, *MODELS))
    if file is None:
        raise InputError("out=FILE: must be given")
    if file.suffix == ONNX and (missing := [name for name in PACKAGES if not find_spec(name)]):
        hint = "`pip install -e '.[onnx]'` brings it"
        raise InputError(f"out={file}: must have the package {missing[0]}; {hint}")
    if file.suffix == ARCHIVE:
        _sweep(words, file)
        return
    from src.inference import model_file
    from src.inference.choice import choose

    model = choose(words)
    model_file.write(model, file)
    shape, classes = ", ".join(map(str, model.shape)), len(model.classes)
    kind = "pixels in [0, 1]" if len(model.shape) == 3 else "features"
    print(f"{file}: {model.name}, (N, {shape}) {kind} to (N, {classes}) logits")


def _sweep(words: command_line.Words, file: Path) -> None:
    for key in ("run", "model"):
        if key in words.values:
            raise InputError(f"{key}=: an archive holds a sweep; sweep=… names it")
    from src.crate import contents
    from src.crate.results import JobResult
    from src.tracking.run_source import RunSource

    source = RunSource(words.tracking)
    sweep = source.sweep(words.value("sweep"))
    digest, lacking = contents.pack(source, sweep, file)
    if lacking:
        print(f"note: without config files of {lacking} jobs, which their server keeps")
    for name in contents.changed_since([JobResult.of(record) for record in sweep.jobs]):
        print(f"note: {name} has changed since the sweep, whose digest of it is in the archive")
    print(f"{file}: {len(sweep.jobs)} jobs\nsha256 {digest}")


if __name__ == "__main__":
    command_line.run(main, __doc__)
