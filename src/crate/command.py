"""The command of a sweep: made portable for an archive, and checked when it comes from one."""

import re
import shlex
from collections.abc import Sequence

from src.config.schema import JOBS_KEYS, covers, experiment_overrides
from src.config.search_space import unquoted
from src.errors import InputError
from src.messages.commands import PROGRAM, SCRIPT

MULTIRUN = ("-m", "--multirun")
CONFIG_DIR = ("--config-dir", "-cd")
HYDRA = re.compile(r"[+~]*hydra[./]")
KEY = re.compile(r"(\+{0,2}|~)[A-Za-z_][\w.]*")
REFUSED = {  # part of a value: why it is let in from nowhere
    "_target_": "names code of its own",
    "${": "is computed where it is read",
    "/": "is a path",
    "\\": "is a path",
    "..": "is a path",
}


def portable(command: str) -> list[str]:
    """Return the overrides of a recorded command that decide results, without paths.

    Raises InputError where it is no command of `src.train`.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"command: {error}") from error
    if tuple(words[:3]) != PROGRAM and words[:1] != [SCRIPT]:
        raise InputError(f"command: must begin with {shlex.join(PROGRAM)}")
    typed = [unquoted(word) for word in words[1:] if word not in PROGRAM]
    typed, _ = take_folders(typed)
    own = [word for word in typed if word not in MULTIRUN and not HYDRA.match(word)]
    keys = {word: word.lstrip("+~").partition("=")[0] for word in own}
    decide = [*experiment_overrides(own), *(w for w in own if covers(JOBS_KEYS, keys[w]))]
    return [word for word in own if word in decide]


def take_folders(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return words without the options `--config-dir FOLDER`, and these options.

    Raises InputError for one without a folder.
    """
    rest, folders = [], []
    given = iter(words)
    for word in given:
        option, is_pair, folder = word.partition("=")
        if option in CONFIG_DIR:
            if not (folder := folder if is_pair else next(given, "")):
                raise InputError(f"{option}: must be followed by a folder")
            folders += ["--config-dir", folder]
        else:
            rest.append(word)
    return rest, folders


def checked(overrides: Sequence[str]) -> list[str]:
    """Return overrides from an archive. Raises InputError for one that could name code or a file.

    Groups may be chosen and values be set, of this clone's own conf alone.
    """
    for override in overrides:
        key, is_pair, value = override.partition("=")
        if not (KEY.fullmatch(key) and (is_pair or key.startswith("~"))):
            raise InputError(
                f"{override}: must be key=value with a key of letters, digits and dots"
            )
        for part, why in REFUSED.items():
            if part in key or part in value:
                raise InputError(f"{override}: {why}; an archive may not say that")
    return list(overrides)


def show(overrides: Sequence[str]) -> str:
    """Return the command as it is typed."""
    return shlex.join([*PROGRAM, "-m", *overrides])
