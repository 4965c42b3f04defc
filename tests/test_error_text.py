"""Errors as a line of text."""

from src.error_text import root_cause


def test_the_cause_of_an_error_is_told_and_no_password():
    error = RuntimeError("max retries exceeded, with ever so many words")
    error.__cause__ = ConnectionRefusedError("refused by\nhttp://user:pw@host/x")
    assert root_cause(error) == "refused by http://host/x"


def test_a_cause_that_is_no_sentence_explains_nothing():
    error = ValueError("ftp is no scheme that is known")
    error.__context__ = KeyError("ftp")
    assert root_cause(error) == "ftp is no scheme that is known"
