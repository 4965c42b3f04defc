"""The words of tools beside training, and what is refused of them before any work is done."""

import pytest

from src import command_line
from src.errors import InputError


def words(*arguments: str) -> command_line.Words:
    return command_line.parse(arguments, ("run", "out"), ("--all",))


def test_words_are_sorted_into_keys_flags_and_files(tmp_path):
    file = tmp_path / "a=b.png"
    file.touch()
    found = words("run=a=b", "--all", str(file), "tracking.experiment=e")
    assert (found.value("run"), found.value("out"), found.flags) == ("a=b", None, {"--all"})
    assert (found.files, found.tracking.experiment) == ([str(file)], "e")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("run=", "^run=: must have a value$"),
        (
            "runn=a",
            r"^runn: unknown \(did you mean run=…\?\); must be one of --all, out=…, run=…, tr",
        ),
        ("--al", r"^--al: unknown \(did you mean --all\?\); must be one of "),
        ("tracking.urll=x", "^tracking.urll: unknown; must be one of artifacts, experiment, uri"),
        ("tracking.uri=", "^tracking.uri=null: must be sqlite:///FILE"),
    ],
)
def test_a_wrong_word_is_refused(argument, said):
    with pytest.raises(InputError, match=said):
        words(argument)


def test_a_file_to_be_written_is_checked_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert words("out=~/a.csv").output("out") == tmp_path / "a.csv"
    assert words().output("out") is None
    for place in (tmp_path, tmp_path / "nowhere" / "a.csv"):
        with pytest.raises(InputError, match=f"^out={place}: cannot be written; must be a file"):
            words(f"out={place}").output("out")
    with pytest.raises(InputError, match=r"^out=a.csv: must end in .zip or .pt$"):
        words("out=a.csv").output("out", (".zip", ".pt"))


def test_a_word_that_is_no_folder_is_refused(tmp_path):
    assert command_line.folders([str(tmp_path)]) == [tmp_path]
    for argument, said in (
        ("", "^'': no folder"),
        (f"{tmp_path}/a", "/a: no folder"),
        ("-x", "-x: "),
    ):
        with pytest.raises(InputError, match=said):
            command_line.folders([argument])
