"""Models of MLflow from elsewhere: nothing of them is unpickled or imported."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from src.errors import InputError

pytestmark = pytest.mark.slow  # torch.export takes seconds to import


class Touch:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class Marking(nn.Linear):
    """A module whose pickle makes a file."""

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def store(workplace):
    with warnings.catch_warnings():  # of MLflow's own imports
        warnings.simplefilter("ignore")
        import mlflow.pyfunc  # noqa: F401
    from src.tracking.store import connect

    artifacts = str(workplace.folder / "artifacts")
    return connect(workplace.uri, workplace.experiment, artifacts)


def save(folder: Path, module: nn.Module, **options) -> str:
    import mlflow.pytorch
    from mlflow.models import infer_signature

    x = np.zeros((2, 3), np.float32)
    signature = infer_signature(x, np.zeros((2, 2), np.float32))
    mlflow.pytorch.save_model(
        module, folder, signature=signature, input_example=x, pip_requirements=["torch"], **options
    )
    return str(folder)


def refused(store, uri: str) -> str:
    from src.tracking import logged_model

    with pytest.raises(InputError) as error:
        logged_model.load(store, uri)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_program_is_loaded(store, tmp_path):
    from src.tracking import logged_model

    layer = nn.Linear(3, 2)
    loaded = logged_model.load(store, save(tmp_path / "model", layer, metadata={"classes": [1]}))
    x = torch.randn(5, 3)
    assert loaded.shape == (3,)
    assert loaded.metadata == {"classes": [1]}
    assert (loaded.program(x) - layer(x)).abs().max() < 1e-6


@pytest.mark.filterwarnings("ignore")
def test_a_pickled_module_is_refused(store, tmp_path):
    module = Marking(3, 2)
    module.mark = tmp_path / "made"
    uri = save(tmp_path / "model", module, serialization_format="pickle")
    assert "cannot be loaded" in refused(store, uri)
    assert not module.mark.exists()


def test_a_model_that_brings_code_is_refused(store, tmp_path):
    (tmp_path / "rich.py").write_text("raise SystemExit('run')")
    uri = save(tmp_path / "model", nn.Linear(3, 2), code_paths=[str(tmp_path / "rich.py")])
    assert "without code" in refused(store, uri)


def test_a_program_that_hides_a_pickle_is_refused(store, tmp_path):
    uri = save(tmp_path / "model", nn.Linear(3, 2))
    file = tmp_path / "model" / "data" / "model.pt2"
    with zipfile.ZipFile(file) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    pickled = io.BytesIO()
    torch.save(Touch(tmp_path / "made"), pickled)
    changed = [name for name in records if "sample_inputs" in name or "weights/weight_" in name]
    assert changed
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            is_changed = name in changed
            content = content.replace(b'"use_pickle": false', b'"use_pickle": true')
            archive.writestr(name, pickled.getvalue() if is_changed else content)
    assert "cannot be loaded" in refused(store, uri)
    assert not (tmp_path / "made").exists()
    file.write_bytes(pickle.dumps(Touch(tmp_path / "made")))
    assert "cannot be loaded" in refused(store, uri)
    assert not (tmp_path / "made").exists()


def test_what_is_no_model_is_refused(store, tmp_path):
    for uri in ("models:/nobody@champion", "models:/m-0", str(tmp_path), "nonsense:/"):
        assert refused(store, uri).startswith(f"model={uri}: cannot be loaded")
