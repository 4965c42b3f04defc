"""Commands from archives: values and this clone's own choices, no code and no files."""

import pytest

from src.crate import command
from src.errors import InputError


def test_a_command_goes_without_what_is_its_machines_own():
    typed = (
        "python -m src.train -m model=mlp activation=sigmoid,relu 'seed=range(10)' "
        "data.root=/home/someone/mnist tracking.uri=http://someone:secret@host threads=2 "
        "hydra.launcher.workers=4 hydra/launcher=joblib hydra.sweep.dir=/tmp/x optimizer.lr=0.1 "
        "checkpoints=/c compare.margin=0.2 ~schedule +recipe=relu"
    )
    own = ["model=mlp", "activation=sigmoid,relu", "seed=range(10)", "optimizer.lr=0.1"]
    found = command.portable(typed)
    assert found == [*own, "~schedule", "+recipe=relu"]
    assert command.checked(found) == found
    assert command.portable(command.show(found)) == found
    assert command.portable("python -m src.train experiment=activations") == [
        "experiment=activations"
    ]


@pytest.mark.parametrize(
    "override",
    [
        "model._target_=os.system",
        "+model.activation={_target_: os.system, command: ls}",
        "model={_target_:os.system}",
        "optimizer.lr=${oc.env:SECRET}",
        "model=../../../../tmp/model",
        "experiment=/tmp/experiment",
        "data=..\\data",
        "--config-dir=/tmp",
        "--config-dir",
        "-cd",
        "model",
        "model@data=mlp",
        "=x",
    ],
)
def test_what_could_name_code_or_a_file_is_refused(override):
    with pytest.raises(InputError) as refused:
        command.checked([override])
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(override)


@pytest.mark.parametrize("typed", ["rm -rf x", "", "python -c x", "python -m src.train 'x"])
def test_another_command_is_refused(typed):
    with pytest.raises(InputError, match="command: "):
        command.portable(typed)
