"""The errors that a command line ends with, each in one line: what is wrong, and what must hold."""

import re
import sys

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from src import ROOT
from src.credentials import redact
from src.error_text import unknown
from src.errors import InputError, JobError, Refused

USER_ERRORS = (
    Refused,
    InputError,
    JobError,
    HydraException,
    OmegaConfBaseException,
    OSError,
    RecursionError,
    ValueError,
)


def one_line(error: BaseException) -> str:
    """Return what is wrong, where, and what must hold, without credentials."""
    if isinstance(error, Refused) and error.__cause__:
        error = error.__cause__
    return redact(_one_line(error))


def _one_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.parent_node is not None:
        return unknown(str(cause.full_key), map(str, cause.parent_node))
    if isinstance(error, OverrideParseException):
        return _not_an_override(redact(error.override), str(error))
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error, error.missing_cfg_file)
    if isinstance(error, BlockingIOError):  # of fork(2)
        return f"no further process can be started ({error.strerror}); see `ulimit -u`"
    if isinstance(error, RecursionError):
        return f"{_typed_groups()}: a defaults list leads back to itself"
    if type(error) is ValueError and error.__cause__ is None and _typed_groups():
        return f"{_typed_groups()}: {_short(error)}"  # such as activation=3, which Hydra names not
    is_whole = isinstance(error, InputError | JobError)
    return _short(error) if is_whole else f"{_short(error)} {_short(error.__cause__)}".strip()


def _not_an_override(typed: str, reason: str) -> str:
    said = f"{typed}: not key=value as Hydra reads it"
    if typed.count("=") > 1:
        key, _, value = typed.partition("=")
        return f"{said}; a value with an = in it needs quotes: '{key}=\"{value}\"'"
    return f"{said}: {' '.join(reason.split())}"


def _missing(error: MissingConfigException, missing: str) -> str:
    group, _, name = missing.rpartition("/")
    if error.options:
        return unknown(f"{group}={name}", error.options)
    if not group:
        return f"--config-name={name}: must be a file in {ROOT / 'conf'}, or in --config-path"
    place = re.match(r"In '([^']+)'", str(error))
    return f"{place[1] if place else missing}: its defaults list names {missing}: no such file"


def _typed_groups() -> str:
    groups = [a for a in sys.argv[1:] if (ROOT / "conf" / a.partition("=")[0]).is_dir()]
    return ", ".join(groups)


def _short(error: object) -> str:
    """Return the message without where in OmegaConf's tree it came up, which the key says."""
    return " ".join(str(error or "").partition("\n    full_key")[0].split())
