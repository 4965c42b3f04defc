"""Mistakes in config files, each told with the file and, where YAML knows it, the line."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

from src.config.schema import leaves, plain_text
from src.errors import InputError
from src.folders import CODE
from src.messages.error_text import refusal, without_place

SETS_OTHER_GROUPS = ("experiment", "recipe")  # groups whose files set keys of the whole config
RECURSIVE = "must not contain itself by an alias (`*name`)"

_loaded: dict[Path, tuple[str, str, dict[str, Any]]] = {}  # file: name, start of its keys, content


def unreadable(file: Path, error: Exception) -> InputError:
    """Return what is wrong with a file that is no config: its bytes, its YAML, its values."""
    if isinstance(error, OSError) and error.strerror:  # OmegaConf's own has none
        return InputError(f"{shown(file)}: cannot be read: {refusal(error)}")
    content = file.read_bytes()
    if isinstance(error, UnicodeDecodeError):
        try:
            content.decode()
        except UnicodeDecodeError as found:
            line = content[: found.start].count(b"\n") + 1
            byte = f":{line}: byte {content[found.start]:#04x}"
            return InputError(f"{shown(file)}{byte}: must be saved as UTF-8")
        return InputError(f"{shown(file)}: must be saved as UTF-8")
    if isinstance(error, yaml.reader.ReaderError):  # counts characters, of which it takes no NUL
        line = content.decode()[: error.position].count("\n") + 1
        return InputError(f"{shown(file)}:{line}: character {error.character:#x}: must be text")
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"{shown(file)}:{mark.line + 1}" if mark else shown(file)
        return InputError(f"{where}: {_problem(error)}")
    if isinstance(error, RecursionError):
        return InputError(f"{shown(file)}: {RECURSIVE}")
    return InputError(f"{shown(file)}: {without_place(error)}")


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join((error.problem or error.context or "no YAML").split())
    if "recursive alias" in problem:  # of the faster parser that OmegaConf 2.4 has
        return RECURSIVE
    if "\\t" in problem or "tab character" in problem:
        return f"{problem}; YAML is indented by spaces"
    if "determine a constructor" in problem:
        tag = problem.rpartition("tag:yaml.org,2002:")[2].strip("'")
        return f"!!{tag}: must be a plain value; `_target_: NAME` makes objects"
    if "another document" in problem:
        return "`---`: must be one document"
    return problem


def check_content(file: Path, name: str, config: Any, package: str | None) -> None:
    """Raise InputError for a file whose content could not mean anything as the config `name`.

    `package` is that of its header, None without one.
    """
    text = file.read_text(encoding="utf-8")
    if not text.strip():
        raise InputError(f"{shown(file)}: is empty; must be a mapping, `KEY: VALUE` in its lines")
    is_mapping = isinstance(config, Mapping)
    # Of a single word OmegaConf makes the key of a mapping.
    if not is_mapping or (len(config) == 1 and isinstance(yaml.safe_load(text), str)):
        kind = "one word" if is_mapping else "a list"
        raise InputError(f"{shown(file)}: is {kind}; must be a mapping, `KEY: VALUE` in its lines")
    if name.partition("/")[0] in SETS_OTHER_GROUPS and package != "_global_":
        raise InputError(f"{shown(file)}: must begin with the line `# @package _global_`")


def remember(file: Path, name: str, nested: Any, package: str | None) -> None:
    """Keep what a file sets, the config `name`, for `setting`."""
    group = str(Path(name).parent).replace("/", ".")
    _loaded[file] = name, "" if package == "_global_" or group == "." else f"{group}.", nested


def forget() -> None:
    """Let only files count that are loaded from now on: those of one command."""
    _loaded.clear()


def last() -> str:
    """Return the file that was loaded last; "" before the first."""
    return shown(next(reversed(_loaded))) if _loaded else ""


def setting(said: str) -> str:
    """Return the file, and a colon, that sets what a message on `KEY=VALUE` or `KEY` begins with.

    An experiment's or a recipe's file comes before that of a group; "" where no file sets it. Of
    an option that is a user's own it is the option's file.
    """
    found = [file for file in _loaded if any(map(said.startswith, _beginnings(file)))]
    found.sort(key=lambda file: file.parent.name not in SETS_OTHER_GROUPS)
    return f"{shown(found[0])}: " if found else ""


def _beginnings(file: Path) -> Iterator[str]:
    """Yield how messages begin that refuse a value or a key of a file."""
    name, prefix, nested = _loaded[file]
    if not file.is_relative_to(CODE / "conf"):
        yield f"{name.rpartition('/')[0]}={name.rpartition('/')[2]}: "
    with suppress(InputError):  # of a key that is a number, which the message is about
        for key, value in leaves(nested, prefix):
            text = plain_text(value)
            yield f"{key}: Interpolation" if "${" in text else f"{key}={text}: must be "
            for part in accumulate(key.split("."), "{}.{}".format):
                yield from (f"{part}: unknown", f"{part}: must have the keys")


def shown(file: Path) -> str:
    """Return a file's path as short as it can be typed from here."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
