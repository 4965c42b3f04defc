"""Commands from archives: values and this clone's own choices, no code and no files."""

import shlex

import pytest

from src import rerun
from src.crate import command
from src.errors import InputError


@pytest.mark.parametrize("option", [["--config-dir", "/a/b"], ["--config-dir=/a/b"], ["-cd", "x"]])
def test_folders_of_options_are_their_machines_own(option):
    typed = shlex.join(["python", "-m", "src.train", *option, "model=mine", "-m"])
    assert command.portable(typed) == ["model=mine"]
    rest, folders = command.take_folders([*option, "a.zip"])
    assert (rest, folders[0], len(folders)) == (["a.zip"], "--config-dir", 2)


@pytest.mark.parametrize("option", [["--config-dir"], ["--config-dir="]])
def test_an_option_without_its_folder_is_refused(option):
    with pytest.raises(InputError, match=r"^--config-dir: must be followed by a folder$"):
        command.take_folders(["a.zip", *option])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "FILE.zip: must be given, one archive"),
        (["a.zip", "b.zip"], "FILE.zip: must be given, one archive"),
        (["a.zip", "rerun.dir="], "rerun.dir=: must be a folder"),
        (["a.zip", "--all"], "--all: must be key=value, or an archive"),
        (["nowhere/a.zip"], "nowhere/a.zip: no archive that can be read: No such file"),
    ],
)
def test_wrong_words_of_a_rerun_are_refused(words, said):
    with pytest.raises(InputError, match=f"^{said}"):
        rerun.main(words)


def test_a_command_keeps_what_decides_which_jobs_there_are():
    own = [
        "tune.space={optimizer.lr: log(0.01,1)}",
        "tune.budget=2",
        "compare.looks=[6,8]",
        "seed=auto",
    ]
    typed = shlex.join(["python", "-m", "src.train", "-m", *own, "compare.margin=1"])
    assert command.checked(command.portable(typed)) == own
    as_recorded_before = ["++tune.space={optimizer.lr: 'log(0.01,1)'}", *own[1:]]
    typed = shlex.join(["python", "-m", "src.train", "-m", *as_recorded_before])
    assert command.portable(typed) == own


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
