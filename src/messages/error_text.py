"""Errors as a line of text."""

import argparse
import difflib
import errno
import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from src.errors import InputError
from src.folders import CODE
from src.messages.credentials import redact
from src.process.signals import is_stop

MAX_LENGTH = 600  # characters of a message: eight lines of a terminal
OTHERS_CODE = (CODE / "src", Path(traceback.__file__).parent)  # this project's, and Python's own
REQUIREMENTS: dict[int | None, str] = {  # of a file, by errno
    errno.EACCES: "its permissions must let you",
    errno.EPERM: "its permissions must let you",
    errno.ENOENT: "it must be there",
    errno.ENOTDIR: "it must lie in a folder",
    errno.EISDIR: "it must be a file",
    errno.ENOSPC: "its disk must have room",
    errno.EROFS: "it must lie where files can be written",
    errno.ENAMETOOLONG: "its name must be shorter",
}
MAX_LISTED = 12  # names that can be listed in a line beside a hint


def root_cause(error: BaseException) -> str:
    """Return the deepest cause that is a sentence, as one short line without credentials.

    Of a server that is down, "Connection refused" lies four exceptions deep in MLflow's own. An
    InputError is told as it is.
    """
    if isinstance(error, InputError):
        return str(error)
    cause: BaseException | None = error
    while cause is not None and (cause is error or " " in str(cause)):
        error, cause = cause, cause.__cause__ or cause.__context__
    return " ".join(redact(str(error)).split())[:200]


@contextmanager
def told_as(said: str) -> Iterator[None]:
    """Raise an InputError, `said` and the root cause, for all but InputErrors that the body raises.

    Servers, artifact stores, torch, pickle and zipfile have no common base of their errors.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        is_call = isinstance(error, OSError) and error.strerror  # of the system, not of a library
        raise InputError(f"{said}: {refusal(error) if is_call else root_cause(error)}") from error


@contextmanager
def raised_by(what: str) -> Iterator[None]:
    """Raise an InputError for all that code of a user's raises in the body, but for a stop."""
    try:
        yield
    except InputError:
        raise
    except BaseException as error:  # SystemExit and GeneratorExit as well
        if is_stop(error):
            raise
        reason = f"{type(error).__name__}: {sentence(error)}".rstrip(": ")
        raise InputError(f"{what} raised {reason}") from error


def sentence(error: BaseException) -> str:
    """Return an error's message in a line, without the frames of C++ that torch adds."""
    return " ".join(str(error).partition("Exception raised from ")[0].split())[:300]


def place(error: BaseException) -> str:
    """Return where in the user's own code an exception was raised; "" for other code."""
    chain = filter(None, (error.__cause__, error))
    frames = [frame for each in chain for frame in traceback.extract_tb(each.__traceback__)]
    for frame in reversed(frames):
        file = Path(frame.filename)
        is_others = "site-packages" in file.parts or any(map(file.is_relative_to, OTHERS_CODE))
        if file.is_absolute() and not is_others:
            return f" ({file}:{frame.lineno})"
    return ""


def unknown(typed: str, allowed: Iterable[str], below: Iterable[str] = ()) -> str:
    """Return that the last name of `typed` is none of those allowed, and which may be meant.

    `below` are dotted keys below those allowed. Many names are listed only if none is near.
    """
    names, typed = sorted(allowed), typed or repr(typed)
    name = re.split(r"[=./]", typed)[-1]
    hint = nearest(name, below, 1.0) or nearest(name, names) or nearest(name, below)
    shown = names if not hint or len(names) <= MAX_LISTED else []
    return f"{typed}: unknown{hint}" + (f"; must be one of {', '.join(shown)}" if shown else "")


def options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long names of a parser's options."""
    return re.findall(r"--[a-z][\w-]*", parser.format_usage())


def nearest(name: str, allowed: Iterable[str], least: float = 0.6) -> str:
    """Return a question for the name that may have been meant; "" if none is as near as `least`.

    Of dotted keys the last names are compared.
    """
    by_name = {key.rpartition(".")[2]: key for key in sorted(allowed, key=len, reverse=True)}
    found = difflib.get_close_matches(name.rpartition(".")[2], by_name, n=1, cutoff=least)
    return f" (did you mean {by_name[found[0]]}?)" if found else ""


def listed(names: Sequence[str]) -> str:
    """Return names in a line, of many the first alone."""
    return ", ".join(names[:MAX_LISTED]) + (", …" if len(names) > MAX_LISTED else "")


def clip(text: str, length: int) -> str:
    """Shorten a text to `length` characters at its end."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def failed_call(error: OSError) -> str:
    """Return what the system refused, for which file where it tells, and what must hold."""
    return f"{error.filename}: {refusal(error)}" if error.filename else root_cause(error)


def refusal(error: Exception) -> str:
    """Return why a file was refused, without its name, and what must hold for it."""
    said = getattr(error, "strerror", None) or sentence(error)
    must = REQUIREMENTS.get(getattr(error, "errno", None))
    return f"{said}; {must}" if must else said


def shortened(message: str) -> str:
    """Return a message, of a long one its ends: the key, and what must hold."""
    if len(message) <= MAX_LENGTH:
        return message
    return f"{message[: MAX_LENGTH // 2]} … {message[-MAX_LENGTH // 2 :]}"


def without_place(error: object) -> str:
    """Return a message of Hydra or OmegaConf in a line, without the place in a tree after it."""
    return " ".join(str(error or "").partition("\n    full_key")[0].split())
