"""Errors as a line of text."""

import difflib
import re
from collections.abc import Iterable

from src.credentials import redact


def root_cause(error: BaseException) -> str:
    """Return the deepest cause that is a sentence, as one short line without credentials.

    Of a server that is down, "Connection refused" lies four exceptions deep in MLflow's own.
    """
    cause: BaseException | None = error
    while cause is not None and (cause is error or " " in str(cause)):
        error, cause = cause, cause.__cause__ or cause.__context__
    return " ".join(redact(str(error)).split())[:200]


def unknown(typed: str, allowed: Iterable[str]) -> str:
    """Return that the last name of `typed` is none of those allowed, and which is the nearest."""
    names, typed = sorted(allowed), typed or repr(typed)
    if not names:
        return f"{typed}: unknown"
    hint = nearest(re.split(r"[=./]", typed)[-1], names)
    return f"{typed}: unknown; must be one of {', '.join(names)}{hint}"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a question for the name that may have been meant; "" if none is near."""
    found = difflib.get_close_matches(name, list(allowed), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def without_place(error: object) -> str:
    """Return a message of Hydra or OmegaConf in a line, without the place in a tree after it."""
    return " ".join(str(error or "").partition("\n    full_key")[0].split())
