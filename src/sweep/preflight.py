"""Checks of a multirun before any of its jobs is trained."""

import multiprocessing
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from src.config.hydra_internals import BASIC_LAUNCHER, BASIC_SWEEPER, FAIR_SWEEPER, trust_config
from src.config.resolved import Identity, Resolved
from src.config.schema import COMMON_KEYS, leaves
from src.errors import PEER_CLOSED, InputError
from src.messages.error_text import root_cause
from src.process import fork_server
from src.sweep.compose import Composed
from src.sweep.directories import check_directories, check_job_folders


def check_chdir(hydra: DictConfig) -> None:
    """Raise InputError where a job would look for its paths from a directory of its own."""
    if hydra.job.chdir:
        raise InputError("hydra.job.chdir=true: must be false; jobs find their files without")


def check_is_single(hydra: DictConfig) -> None:
    """Raise InputError for settings of a sweep, which a single run would silently ignore."""
    for argument in sys.argv:
        if argument.startswith("compare.baseline="):
            raise InputError(f"{argument}: must go with -m; a single run is compared with nothing")
    # Not in Hydra's own list of overrides, to which it adds the mode that it chose.
    is_asked_for = any(argument.startswith("hydra.mode=") for argument in sys.argv)
    if (keys := hydra.sweeper.get("params")) and not is_asked_for:
        raise InputError(
            f"hydra.sweeper.params.{next(iter(keys))}: must go with -m, or with "
            "hydra.mode=MULTIRUN in the same file; hydra.mode=RUN trains one job without it"
        )


def check_settings(hydra: DictConfig) -> None:
    """Raise InputError for settings of Hydra that a sweep cannot work with."""
    check_chdir(hydra)
    sweeper = hydra.sweeper
    if sweeper._target_ in (BASIC_SWEEPER, FAIR_SWEEPER) and sweeper.max_batch_size is not None:
        raise InputError(
            f"hydra.sweeper.max_batch_size={sweeper.max_batch_size}: must be null; "
            "hydra.launcher.workers says how many jobs run at once"
        )
    if hydra.launcher._target_.startswith("hydra._internal"):  # Hydra's own takes no settings
        return
    try:
        instantiate(hydra.launcher)
    except InstantiationException as error:
        raise InputError(str(error.__cause__ or error)) from error


def check_jobs(jobs: Sequence[Composed], varied: Sequence[str], sweep: Path) -> None:
    """Raise InputError where jobs of the directory `sweep` do not go together."""
    if "experiment" in varied and any(job.sweeps for job in jobs):
        raise InputError("experiment: must be one where it names values to sweep itself")
    first = jobs[0].config.nested
    for key in COMMON_KEYS:
        if other := next((job for job in jobs if job.config.nested[key] != first[key]), None):
            own, known = (leaves({key: nested[key]}) for nested in (other.config.nested, first))
            name = next((entry[0] for entry in own if entry not in known), key)
            said = f"{name}: must be the same for all jobs of a sweep"
            raise InputError(f"{said}; several values at once are a list, [a,b]")
    check_directories(first, "hydra.sweep.dir", sweep)
    check_job_folders((job.folder for job in jobs if job.folder is not None), sweep)


def check_parts(
    config: DictConfig, jobs: Sequence[Composed], makes_variants: bool = True
) -> list[Identity]:
    """Make the parts of each variant once, unless told otherwise; return the identity of each job.

    What devices other machines have is not known. Raises InputError for the first variant that
    cannot be made.
    """
    is_here = (
        is_warm(config.hydra.launcher)
        or config.hydra.launcher._target_ == BASIC_LAUNCHER
        or config.dry_run
    )
    given = [job.config for job in jobs], is_here, makes_variants
    if not is_warm(config.hydra.launcher):
        result = _make_variants(*given)
    else:
        conn, theirs = multiprocessing.Pipe(duplex=False)
        process = fork_server.fork(_send_result, theirs, *given)
        theirs.close()
        try:
            conn.poll(None)  # Ctrl-C does no harm here, other than within a message
            result = conn.recv()
        except PEER_CLOSED:
            result = InputError("the process that makes every variant once has died")
        finally:
            process.kill()  # a model may hang in it
            process.join()
    if isinstance(result, InputError):
        raise result
    return result


def is_warm(launcher: DictConfig) -> bool:
    """Return whether processes can be had that have imported torch already."""
    return "src.job" in (launcher.get("preload") or ())


def _send_result(conn: Connection, *given: Any) -> None:
    with trust_config(), suppress(*PEER_CLOSED):
        try:
            conn.send(_make_variants(*given))
        except (ImportError, MemoryError) as error:  # torch in too little memory, for one
            said = f"{type(error).__name__}: {root_cause(error)}"
            conn.send(InputError(f"no variant can be made ({said}); memory may be short"))


def _make_variants(
    configs: Sequence[Resolved], is_here: bool, makes_variants: bool
) -> list[Identity] | InputError:
    """Return the identities of jobs, or the first error in making a variant."""
    from src.training import components, setup

    environments: dict[str, setup.Environment] = {}
    made: set[str] = set()
    identities = []
    try:
        for config in configs:
            if not is_here:
                device = config.nested["device"] | {"kind": "cpu"}
                config = replace(config, nested={**config.nested, "device": device})
            # Jobs that differ in seeds alone are of the same data, and made in the same way.
            unseeded = config.without_seeds
            nested = unseeded.nested
            key = str((nested["data"], nested["device"], nested["threads"]))
            if key not in environments:
                environments[key] = setup.prepare(config)
            environment = replace(environments[key], code=setup.import_code(config))
            deciding = environment.identity(unseeded).fingerprint
            if makes_variants and deciding not in made:
                components.build(config, environment)
                made.add(deciding)
            identities.append(environment.identity(config))
    except InputError as error:
        return error
    return identities
