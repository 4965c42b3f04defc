"""Checks of a command before anything is trained: its settings, its directories, its parts."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
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
from src.config.schema import COMMON_KEYS, STATE_KEYS, leaves
from src.errors import PEER_CLOSED, InputError
from src.messages.addresses import database_path, local_path
from src.messages.error_text import clip, root_cause
from src.process import fork_server
from src.sweep.compose import Composed
from src.tracking.journal import OWN_NAMES, Journal


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


def check_directories(nested: Mapping[str, Any], key: str, folder: Path) -> None:
    """Raise InputError where a job cannot write its state, its artifacts or its own directory.

    `key` is the one of Hydra's that names `folder`, of a run or a sweep, which must be unused.
    """
    if folder.parts[:1] and folder.parts[0].startswith("~"):
        raise InputError(f"{key}={folder}: must be written out; Hydra expands no ~")
    if folder == Path():
        raise InputError(f"{key}={folder}: must be a directory of its own")
    for name in STATE_KEYS:
        check_writable(name, Path(nested[name]))
    artifacts = local_path(nested["tracking"]["artifacts"])
    if artifacts is not None and database_path(nested["tracking"]["uri"]) is not None:
        check_writable("tracking.artifacts", artifacts)
    check_writable(key, folder)
    Journal(folder).check_unused(f"{key}={folder}")


def check_job_folders(folders: Iterable[Path], sweep: Path) -> None:
    """Raise InputError unless each job has a directory of its own in that of its sweep."""
    key, sweep = "hydra.sweep.subdir", _normal(sweep)
    taken = {sweep}
    for folder in map(_normal, folders):
        if not folder.is_relative_to(sweep):
            raise InputError(f"{key}: {folder} must lie in hydra.sweep.dir={sweep}")
        if folder in taken:
            raise InputError(
                f"{key}: {folder} would be that of two jobs; each needs its own, "
                "such as ${hydra.job.num}"
            )
        if folder.relative_to(sweep).parts[0] in OWN_NAMES:
            raise InputError(f"{key}: {folder} lies in a file of the sweep's own")
        taken.add(folder)
        _check_names(key, folder, sweep.parent)
        Journal(folder).check_unused(f"{key}={folder}")


def _normal(folder: Path) -> Path:
    return Path(os.path.normpath(folder.absolute()))


def check_writable(key: str, folder: Path) -> None:
    """Raise InputError unless `folder`, made or not yet, can be written to; leave nothing."""
    above = folder.absolute()
    try:
        while not os.path.lexists(above) and above != above.parent:
            above = above.parent
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise InputError(
            f"{key}={folder}: must be a directory that can be written to; {above}: {error.strerror}"
        ) from error
    _check_names(key, folder.absolute(), above)


def _check_names(key: str, folder: Path, above: Path) -> None:
    """Raise InputError for a name in `folder` that the file system of `above` does not take."""
    while not above.exists():
        above = above.parent
    most = os.pathconf(above, "PC_NAME_MAX")
    for name in folder.parts:
        if (length := len(os.fsencode(name))) > most:
            said = f"has {length} bytes; a name must have at most {most}"
            raise InputError(f"{key}: {clip(name, 40)} {said}")


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
