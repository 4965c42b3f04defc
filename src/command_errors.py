"""The errors that a command line ends with, each in one line: what is wrong, and what must hold."""

import re
import sys
import traceback

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from src.config import files
from src.config.resolved import unknown_key
from src.config.search_space import unquoted
from src.errors import InputError, JobError, Refused
from src.folders import CODE
from src.messages.credentials import redact
from src.messages.error_text import failed_call, shortened, unknown, without_place

USER_ERRORS = (
    *(Refused, InputError, JobError, HydraException, OmegaConfBaseException),
    *(OSError, RecursionError, ValueError),
)
THREAD_REFUSED = "can't start new thread"  # a RuntimeError of Python's, as any other
MAPPING_REFUSED = re.compile(r"\n    full_key: (\S+)")  # of OmegaConf, which merges none into null
SPACE = "a space is a mapping, such as tune.space={optimizer.lr: log(0.01, 1)}"
SWEPT = "hydra.sweeper.params"
NOT_NAMES = ("null", "nan", "inf", "true", "false")  # of Hydra's grammar
STRUCTURE = re.compile(r"""[\[{]|.*["']|\w+\(""")  # lists, mappings, quotes and functions
METRIC = re.compile(r"metrics\.\w+\.")  # of a setting of one
WORD = re.compile(r"[a-z_][\w/.-]*", re.IGNORECASE)


def is_users(error: BaseException) -> bool:
    """Return whether a user's command line or file caused an error, rather than a bug."""
    if isinstance(error, Refused) and error.__cause__:
        return is_users(error.__cause__)
    # Hydra and OmegaConf refuse some values with these.
    if isinstance(error, AssertionError) or type(error) is AttributeError:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        return frame.f_globals["__name__"].startswith(("hydra.", "omegaconf."))
    if isinstance(error, BrokenPipeError):  # the end of a process deals with it
        return False
    return isinstance(error, USER_ERRORS) or str(error) == THREAD_REFUSED


def one_line(error: BaseException) -> str:
    """Return what is wrong, where, and what must hold, without credentials."""
    if isinstance(error, Refused) and error.__cause__:
        error = error.__cause__
    said = _one_line(error)
    return shortened(redact(files.setting(said) + said))


def _one_line(error: BaseException) -> str:
    said = without_place(error)
    if unfound := unknown_key(error.__cause__ or error):
        if metric := _unchosen_metric(unfound.partition(":")[0]):
            return metric
        return f"{unfound}; {SPACE}" if unfound.startswith("tune.space.") else unfound
    if isinstance(error, OverrideParseException):
        return _not_an_override(redact(unquoted(error.override)), without_place(error))
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error, error.missing_cfg_file)
    if isinstance(error, BlockingIOError):  # of fork(2)
        return f"no further process can be started ({error.strerror}); see `ulimit -u`"
    if said == THREAD_REFUSED:
        return "no further thread can be started; see `ulimit -u`"
    if isinstance(error, RecursionError):
        place = files.last()
        return f"{place}: its defaults list, or one that named it, leads back to itself"
    if isinstance(error, AssertionError):
        return f"{_typed('hydra[./]')}: Hydra takes no such value"
    if type(error) is AttributeError and (key := MAPPING_REFUSED.search(str(error))):
        hint = "; KEY=VALUES without it are swept as well" if key[1] == SWEPT else ""
        return f"{key[1]}={{…}}: must be set in a file; the command line takes no mapping{hint}"
    if "multirun" in said and (several := re.search(r"'([^']+=.*?)'", said)):
        return f"{several[1]}: several values are a sweep, which needs -m; a list is [VALUE,VALUE]"
    if type(error) is ValueError and (options := _typed_options()):
        return f"{options}: {said}"  # such as activation=3, which Hydra does not name
    if isinstance(error, OSError):
        return failed_call(error)
    is_whole = isinstance(error, InputError | JobError)
    return said if is_whole else f"{said} {without_place(error.__cause__)}".strip()


def _not_an_override(typed: str, reason: str) -> str:
    if "=" not in typed:
        return f"{typed or repr(typed)}: must be KEY=VALUE"
    if typed.startswith("tune.space") and "{" not in typed:
        return f"{typed}: {SPACE}"
    said = f"{typed}: not key=value as Hydra reads it"
    key, _, value = typed.partition("=")
    if STRUCTURE.match(value):
        return f"{said}: {reason}"
    return f"{said}; a value with signs of its grammar needs quotes: '{key}=\"{value}\"'"


def _missing(error: MissingConfigException, missing: str) -> str:
    group, _, name = missing.rpartition("/")
    if error.options:
        return unknown(f"{group}={name}", error.options)
    if not group:
        return f"--config-name={name}: must be a file in {CODE / 'conf'}, or in --config-path"
    place = re.match(r"In '([^']+)'", str(error))
    own = sorted(file.stem for file in (CODE / "conf" / group).glob("*.yaml"))
    if own and place and place[1] == "config":  # one of several, for which Hydra lists no options
        return unknown(f"{group}={name}", own)
    return f"{place[1] if place else missing}: its defaults list names {missing}: no such file"


def _unchosen_metric(key: str) -> str:
    """Return what must hold for a setting of a metric where `key` is not there; "" for others."""
    for typed in filter(METRIC.match, sys.argv[1:]):
        name = typed.split(".")[1]
        if key in ("metrics", f"metrics.{name}"):
            return f"{typed}: must go with metrics=[{name}], which chooses it"
    return ""


def _typed(start: str) -> str:
    """Return the overrides as they were typed whose keys start like this."""
    return ", ".join(a for a in sys.argv[1:] if "=" in a and re.match(rf"[+~]*{start}", a))


def _typed_options() -> str:
    """Return what was typed for groups and can name no option, such as activation=3."""
    typed = [argument.partition("=") for argument in sys.argv[1:] if WORD.match(argument)]
    options = [(group, option) for group, _, option in typed if (CODE / "conf" / group).is_dir()]
    odd = [f"{g}={o}" for g, o in options if o in NOT_NAMES or not WORD.fullmatch(o)]
    return ", ".join(odd)
