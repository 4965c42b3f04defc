"""Credentials of every printable kind, in every kind of text; none may be told from another's."""

import random
import shlex
import string
import sys
from urllib.parse import quote

import pytest

from src import provenance
from src.messages.credentials import redact

PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "
PLACES = {
    "an address": "{}",
    "an override": "tracking.uri={}",
    "a quoted override": "'tracking.uri=\"{}\"'",
    "a message": "tracking.uri={}: cannot be used: connection refused",
    "a traceback": "Traceback (most recent call last):\n  ValueError: {}\nInputError: no",
    "a Python literal": "{{'uri': '{}', 'experiment': 'e'}}",
    "two addresses": "neither {} nor http://other:pw@host/x answers",
}
ADDRESSES = {
    "user and password": "postgresql+psycopg2://{user}:{secret}@host:5432/db",
    "password": "http://:{secret}@host/mlflow",
    "query": "postgresql://host/db?user={user}&sslmode=require&password={secret}",
    "first in the query": "mysql://host/db?password={secret}&charset=utf8",
    "token": "https://host/path?token={secret}",
    "access token": "https://host/path?access_token={secret}",
    "client's key": "postgresql://host/db?sslmode=verify-full&sslpassword={secret}",
    "encoded key": "https://host/?p%61ssword={secret}",
    "data source": "mssql+pyodbc:///?odbc_connect={secret}",
    "both": "postgresql://{user}:{secret}@host/db?sslpassword={secret}",
}


def passwords() -> list[str]:
    """Every printable character alone and in the middle, and random words of all of them."""
    draw = random.Random(0)
    words = ["".join(draw.choices(PRINTABLE, k=draw.randint(1, 20))) for _ in range(300)]
    return [*PRINTABLE, *(f"a{one}b" for one in PRINTABLE), *words]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_a_text_tells_nothing_of_a_password(address, place):
    """The text without it is one of two, whichever password it was.

    The second one is for passwords that hide where the address goes on.
    """
    is_query = address.partition("?")[2].count("{secret}")
    told = set()
    for password in passwords():
        secret = quote(password, safe=" /:@'\"") if is_query else password  # & would end it
        told.add(redact(place.format(address.format(user="somebody", secret=secret))))
    assert len(told) <= 2
    assert "somebody" not in "".join(told)


@pytest.mark.parametrize("token", ["ghp_0123", "a b", "a:b", "a%2Fb", "a@b"])
def test_a_token_in_the_place_of_the_user_is_removed(token):
    assert redact(f"https://{token}@host/x") == "https://host/x"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://user:p/w?x#y@host:5000/m", "http://host:5000/m"),
        (
            "postgresql://h/db?user=u&sslmode=require&password=p",
            "postgresql://h/db?sslmode=require",
        ),
        ("http://h/x?token=t", "http://h/x"),
        ("HTTP://u:p@h", "HTTP://h"),
        ("postgresql://h:5432/db?password=a@b", "postgresql://"),
    ],
)
def test_the_rest_of_an_address_is_kept(address, told):
    assert redact(address) == told


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@work/a?b/mlflow.db",
        "file:///srv/a@b",
        "s3://bucket/me@work/runs",
        "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning",
        "postgresql://host/db?sslmode=require&connect_timeout=3",
        "activation=relu,tanh seed=0,1",
        "mail me@work: is 3 < 4 & 4 < 5?",
        "",
    ],
)
def test_a_text_without_credentials_stays_as_it_is(text):
    assert redact(text) == text


def test_a_text_is_redacted_once_and_for_all():
    once = redact("tracking.uri=http://u:p@h:5000/x?token=t: cannot be used")
    assert redact(f"{once}; a running server is needed") == f"{once}; a running server is needed"


def test_the_command_line_is_told_word_by_word(monkeypatch):
    typed = ["-m", "tracking.uri=http://u:p w'\"@h:5000", "seed=0,1"]
    monkeypatch.setattr(sys, "argv", ["train.py", *typed])
    told = shlex.split(provenance.command())
    assert told == ["python", "-m", "src.train", "-m", "tracking.uri=http://h:5000", "seed=0,1"]
