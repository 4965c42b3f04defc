"""Train one model, or sweep over many with -m: see README.md."""

import gc
import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from src.command_errors import is_users, one_line
from src.config.hydra_internals import MAIN, check_options, name_config_files, trust_config
from src.config.resolvers import register_resolvers
from src.config.schema import covers
from src.config.search_space import quoted
from src.errors import InputError, JobError, JobRequeued, Refused
from src.folders import CODE
from src.messages.credentials import redact
from src.messages.error_text import place
from src.process.exit import fast_exit
from src.process.signals import EXIT_STATUS, stop_requested
from src.sweep.finish import finishing
from src.tracking.uploader_process import start_uploader, uploader_closed

MULTIRUN = ("-m", "--multirun")
COMPLETION = ("-sc", "--shell")  # its value is QUERY=SHELL
RERUN = "--experimental-rerun"
NO_RERUN = (
    f"{RERUN}: must be left out; it passes over the checks before a run and its way "
    "to MLflow, and the same overrides train the same weights again"
)
TRACEBACK_HINT = "the run keeps its traceback, and HYDRA_FULL_ERROR=1 prints it"
register_resolvers()


@hydra.main(**MAIN, config_path=str(CODE / "conf"), config_name="config")
def train(cfg: DictConfig) -> float:
    """Run one job; every failure but a stop, SystemExit included, becomes a JobError."""
    from src import job

    is_single = HydraConfig.get().mode != RunMode.MULTIRUN
    try:
        return job.run(cfg)
    except (KeyboardInterrupt, JobRequeued):
        raise
    except BaseException as error:  # whatever a model's code does, others go on
        is_input = isinstance(error, InputError)
        if is_single and is_input:
            raise Refused from error
        told = str(error) if is_input else f"{type(error).__name__}: {error}".rstrip(": ")
        if is_single:
            failure = JobError(f"{told}{place(error)}; {TRACEBACK_HINT}")
            failure.__cause__ = error
            raise Refused from failure
        print(f"failed: {redact(told)}", file=sys.stderr)
        raise JobError(redact(told)) from error


def main() -> None:
    """Run the command line: bad input ends in one line, or with HYDRA_FULL_ERROR=1 in all of it."""
    if sys.argv[1:] == ["-sc", "install=bash"]:
        print((CODE / "src" / "completion.bash").read_text(encoding="utf-8"), end="")
        return
    gc.set_threshold(100_000)  # imports make objects by the million and leave no garbage
    if any(RERUN.startswith(a.partition("=")[0]) for a in sys.argv[1:] if a.startswith("--e")):
        sys.exit(NO_RERUN)  # Hydra takes the start of an option for it
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, not to Hydra's own printer
    try:
        _check_arguments()
        name_config_files()
        with uploader_closed(), finishing(), trust_config():
            if all(a in MULTIRUN for a in sys.argv[1:] if a.startswith("-")):  # not with --help
                start_uploader()  # imports MLflow while Hydra composes
            train()
    except KeyboardInterrupt:
        sys.exit(EXIT_STATUS)
    except (Exception, Refused) as error:  # none is swallowed: the user's own become one line
        if full or stop_requested() or not is_users(error):
            raise
        sys.exit(one_line(error))


def _check_arguments() -> None:
    """Put options before overrides, between which Hydra takes none.

    Raises InputError for an option that is none, for what a sweep alone fills in, for a setting
    that is deleted, which would be the default of whatever code takes it, and for one that a space
    has twice.
    """
    if any(a.startswith(COMPLETION) for a in sys.argv[1:]):
        return
    sys.argv[1:] = sorted(map(quoted, sys.argv[1:]), key=_is_override)
    check_options(sys.argv[1:])
    for argument in filter(_is_override, sys.argv[1:]):
        key = argument.lstrip("+~").partition("=")[0]
        if covers(("sweep",), key):
            raise InputError(f"{argument}: must be left out; a sweep fills it in for its jobs")
        if argument.startswith("~") and "." in key and not covers(("hydra",), key):
            raise InputError(f"{argument}: must have a value: {key}=VALUE, or that of its file")


def _is_override(argument: str) -> bool:
    return argument.startswith("~") or ("=" in argument and not argument.startswith("-"))


if __name__ == "__main__":
    with fast_exit():
        main()
