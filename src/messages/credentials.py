"""Removal of credentials from addresses in messages, records and files."""

import re
from urllib.parse import unquote_plus

ADDRESS = re.compile(r"([a-z][a-z\d+.-]*://)(.*)", re.IGNORECASE)  # to the end of the line
SECRET_KEY = re.compile(
    r"pass|pwd|secret|token|auth|cred|user|uid|login|account|sig|sas|key$|odbc_connect",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Remove names, passwords and tokens from the addresses in a text.

    `scheme://user:password@host/path?token=x&a=b` becomes `scheme://host/path?a=b`. A password
    may hold any character but a line break: urllib would end it at `/`, SQLAlchemy at `@`, and
    either would leave a part of what someone typed. So all up to the last `@` of a line goes, and
    all of a secret value up to the next `&`, which may take words of the text along.
    """
    return ADDRESS.sub(lambda address: address[1] + _redact_rest(address[2]), text)


def _redact_rest(rest: str) -> str:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, place = rest.rpartition("@")
    has_user = "@" in authority or (":" in authority and "@" in rest)  # others are of the path
    if not has_user:
        return _redact_query(rest)
    if any(map(_is_secret, re.split("[?&]", user)[1:])):
        return ""  # the last `@` may be of the user, or of a secret in the query
    return _redact_query(place)


def _redact_query(rest: str) -> str:
    """Return the address without secret values, and without words that may belong to them."""
    place, mark, query = rest.partition("?")
    pairs = query.split("&")
    if not any(map(_is_secret, pairs)):
        return rest
    kept = [pair for pair in pairs if "=" in pair and not _is_secret(pair)]
    return place + (mark + "&".join(kept) if kept else "")


def _is_secret(pair: str) -> bool:
    key, equals, _ = pair.partition("=")
    return bool(equals) and SECRET_KEY.search(unquote_plus(key)) is not None
