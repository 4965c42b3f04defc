"""Nothing but this project's own parts is made of a run's files."""

import pickle
from pathlib import Path

import pytest
import torch
import yaml

from src.errors import InputError
from src.inference import weights
from src.training.network import make


class Touch:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.slow
def test_the_models_of_conf_are_made_with_their_weights(config):
    for model in ("softmax", "mlp", "cnn"):
        nested = yaml.safe_load(config(f"model={model}", "activation=leaky_relu").yaml)

        state = make(nested["model"], (1, 28, 28), 10).state_dict()
        built = weights.build("run=x", nested, state, (1, 28, 28), 10)
        assert not built.training
        assert all((built.state_dict()[key] == value).all() for key, value in state.items())


@pytest.mark.parametrize(
    "change",
    [
        {"_target_": "os.system", "command": "touch {}"},
        {"activation": {"_target_": "pathlib.Path.touch", "self": "{}"}},
        {"activation": {"_target_": "torch.nn.parallel.distributed.os.mkdir", "path": "{}"}},
        {"init": {"_target_": "hydra.utils.get_method", "path": "os.system"}},
        {"init": [[{"_target_": "src.models.mlp.nn.modules.module.os.mkdir", "path": "{}"}]]},
        {"init": "${oc.create:'{_target_: os.mkdir, path: {}}'}"},
    ],
)
def test_a_config_from_outside_makes_nothing_else(change, config, tmp_path):
    made = tmp_path / "made"
    nested = yaml.safe_load(config("model=mlp").yaml)
    text = yaml.safe_dump(nested["model"] | change).replace("{}", str(made))
    with pytest.raises(InputError, match=r"run=x: (names|its config must be resolved)") as refused:
        weights.build("run=x", {"model": yaml.safe_load(text)}, {}, (1, 28, 28), 10)
    assert "\n" not in str(refused.value)
    assert not made.exists()


def test_a_yaml_that_would_make_objects_is_no_config(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(f"model: !!python/object/apply:os.mkdir [{tmp_path}/made]\n")
    with pytest.raises(InputError, match=r"config\.yaml: no YAML"):
        weights.read_config(file)
    file.write_text("- a list\n")
    with pytest.raises(InputError, match="no config of a run"):
        weights.read_config(file)
    assert not (tmp_path / "made").exists()


def test_a_pickle_is_no_weights(tmp_path):
    file = tmp_path / "model.pt"
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        save({"weight": Touch(tmp_path / "made")}, file)
        with pytest.raises(InputError, match=r"model\.pt: no weights") as refused:
            weights.read_weights(file)
        assert "\n" not in str(refused.value)
    torch.save({"weight": "a word"}, file)
    with pytest.raises(InputError, match="mapping of names to tensors"):
        weights.read_weights(file)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="no weights"):
        weights.read_weights(file)
    assert not (tmp_path / "made").exists()


def test_weights_of_another_model_are_refused_in_a_line(config):
    nested = yaml.safe_load(config("model=softmax").yaml)
    with pytest.raises(InputError, match="run=x: its model cannot be made") as refused:
        weights.build("run=x", nested, {"1.weight": torch.zeros(2, 784)}, (1, 28, 28), 10)
    assert "\n" not in str(refused.value)
