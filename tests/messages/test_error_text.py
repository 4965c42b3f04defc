"""Errors as a line of text."""

import pytest
import torch

from src.errors import InputError
from src.messages.error_text import failed_call, refusal, root_cause, sentence, told_as


def test_the_cause_of_an_error_is_told_and_no_password():
    error = RuntimeError("max retries exceeded, with ever so many words")
    error.__cause__ = ConnectionRefusedError("refused by\nhttp://user:pw@host/x")
    assert root_cause(error) == "refused by http://host/x"


def test_an_error_of_torch_is_told_without_its_frames():
    with pytest.raises(TypeError) as raised:
        torch.empty(10**30)
    assert len(str(raised.value)) > 300
    assert sentence(raised.value).endswith("Overflow when unpacking long long")


def test_a_cause_that_is_no_sentence_explains_nothing():
    error = ValueError("ftp is no scheme that is known")
    error.__context__ = KeyError("ftp")
    assert root_cause(error) == "ftp is no scheme that is known"


def test_foreign_errors_are_told_under_a_heading_and_own_ones_as_they_are():
    with pytest.raises(InputError) as told, told_as("model=x: cannot be loaded"):
        raise RuntimeError("outer words") from OSError("no such file there")
    assert str(told.value) == "model=x: cannot be loaded: no such file there"
    own = InputError("epochs=0: must be at least 1")
    own.__cause__ = ValueError("a deeper cause that nobody needs")
    with pytest.raises(InputError) as told, told_as("model=x"):
        raise own
    assert told.value is own
    assert root_cause(own) == "epochs=0: must be at least 1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionError(13, "Permission denied", "/a"),
            "Permission denied; its perm",
        ),
        (FileNotFoundError(2, "No such file", "/a"), "No such file; it must be there"),
        (OSError(28, "No space left", "/a"), "No space left; its disk must have room"),
        (ValueError("of no\nuse"), "of no use"),
    ],
)
def test_a_file_that_is_refused_is_told_with_what_must_hold(error, said):
    assert refusal(error).startswith(said)
    if isinstance(error, OSError):
        assert failed_call(error) == f"/a: {refusal(error)}"
