"""Train one model, or sweep over many with -m: see README.md."""

if __name__ == "__main__":
    from src.signals import exit_until_handled

    exit_until_handled()  # the imports that follow take a while

import gc
import os
import sys
import traceback

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from src import ROOT, config
from src.credentials import redact
from src.errors import InputError, JobError, Refused
from src.hydra_internals import MAIN, trust_config
from src.process_exit import fast_exit
from src.signals import EXIT_STATUS, handle_signals
from src.sweep.multirun import finishing
from src.tracking.uploader_process import start_uploader, uploader_closed

MULTIRUN = ("-m", "--multirun")
NO_RERUN = (
    "--experimental-rerun: must be left out; it passes over the checks before a run and its way "
    "to MLflow, and the same overrides train the same weights again"
)
USER_ERRORS = (
    Refused,
    InputError,
    JobError,
    HydraException,
    OmegaConfBaseException,
    OSError,
    ValueError,
)

config.register_resolvers()


@hydra.main(**MAIN, config_path="../conf", config_name="config")
def train(cfg: DictConfig) -> float:
    """Run one job.

    In a sweep every failure, SystemExit included, becomes a JobError, so that the others go on.
    """
    from src import job

    is_single = HydraConfig.get().mode != RunMode.MULTIRUN
    try:
        return job.run(cfg)
    except (Exception, SystemExit) as error:
        is_input = isinstance(error, InputError)
        if is_single and is_input:
            raise Refused from error
        if is_single:  # a bug: its traceback is what is needed
            print(redact(traceback.format_exc()), end="", file=sys.stderr)
            raise SystemExit(1) from error
        reason = redact(str(error) if is_input else f"{type(error).__name__}: {error}")
        print(f"failed: {reason}", file=sys.stderr)
        raise JobError(reason) from error


def main() -> None:
    """Run the command line: bad input ends in one line, or with HYDRA_FULL_ERROR=1 in all of it."""
    gc.set_threshold(100_000)  # imports make objects by the million and leave no garbage
    if any(a.startswith("--e") for a in sys.argv[1:]):  # Hydra takes the start of an option for it
        sys.exit(NO_RERUN)
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, not to Hydra's own printer
    try:
        with handle_signals(), uploader_closed(), finishing(), trust_config():
            if all(a in MULTIRUN for a in sys.argv[1:] if a.startswith("-")):  # not with --help
                start_uploader()  # imports MLflow while Hydra composes
            train()
    except USER_ERRORS as error:
        if full:
            raise
        refused = error.__cause__ if isinstance(error, Refused) else None
        sys.exit(redact(one_line(refused or error)))
    except KeyboardInterrupt:
        sys.exit(EXIT_STATUS)


def one_line(error: BaseException) -> str:
    """Return what is wrong, where, and what must hold."""
    cause = error.__cause__ or error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.parent_node is not None:
        allowed = ", ".join(sorted(map(str, cause.parent_node)))
        return f"{cause.full_key}: unknown; must be one of {allowed}"
    if isinstance(error, OverrideParseException):
        typed = redact(error.override)
        said = f"{typed}: not key=value as Hydra reads it"
        if typed.count("=") > 1:
            key, _, value = typed.partition("=")
            return f"{said}; a value with an = in it needs quotes: '{key}=\"{value}\"'"
        return f"{said}: {' '.join(str(error).split())}"
    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return f"{group}={name}: unknown; must be one of {', '.join(error.options)}"
    if isinstance(error, BlockingIOError):  # of fork(2)
        return f"no further process can be started ({error.strerror}); see `ulimit -u`"
    if type(error) is ValueError:  # of an option such as activation=3, which Hydra does not name
        groups = [a for a in sys.argv[1:] if (ROOT / "conf" / a.partition("=")[0]).is_dir()]
        return f"{', '.join(groups)}: {error}"
    is_whole = isinstance(error, InputError | JobError)
    text = str(error) if is_whole else f"{error} {error.__cause__ or ''}"
    return " ".join(text.split())


if __name__ == "__main__":
    with fast_exit():
        main()
