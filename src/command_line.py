"""The command line of tools beside training: words, `key=value` and files, and errors in a line."""

import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config import resolved
from src.errors import InputError
from src.folders import ROOT
from src.messages.addresses import expand_home
from src.messages.error_text import failed_call, root_cause, shortened, unknown
from src.process.exit import fast_exit
from src.tracking.settings import TrackingSettings


@dataclass(frozen=True)
class Words:
    """The arguments of a command, sorted."""

    values: dict[str, list[str]]  # key -> its values, in the order in which they were given
    flags: frozenset[str]
    files: list[str]
    tracking: TrackingSettings

    def value(self, key: str) -> str | None:
        """Return the value of a key that may be given once. Raises InputError for a second."""
        given = self.values.get(key, [])
        if len(given) > 1:
            raise InputError(f"{key}={given[1]}: {key} must be given once")
        return given[0] if given else None

    def output(self, key: str, suffixes: Sequence[str] = ()) -> Path | None:
        """Return the file to write that a key names; its suffix must be one of `suffixes`.

        Raises InputError for one that cannot be written, before any work is done for it.
        """
        if (given := self.value(key)) is None:
            return None
        file = Path(expand_home(given))
        if suffixes and file.suffix not in suffixes:
            raise InputError(f"{key}={file}: must end in {' or '.join(suffixes)}")
        if file.is_dir() or not os.access(file.parent, os.W_OK):
            raise InputError(
                f"{key}={file}: cannot be written; must be a file in a folder that can"
            )
        return file

    def no_files(self) -> None:
        """Raise InputError for a word that the command does not know."""
        if self.files:
            raise InputError(f"{self.files[0]}: unknown; --help shows what may be given")


def parse(arguments: Sequence[str], keys: Collection[str], flags: Collection[str] = ()) -> Words:
    """Sort arguments into `keys`, `flags`, the config's `tracking` and files.

    Raises InputError for an unknown key or flag, and for a key without a value; a file that exists
    may have `=` in its name.
    """
    values: dict[str, list[str]] = {}
    settings: list[str] = []
    files: list[str] = []
    for argument in arguments:
        key, is_pair, value = argument.partition("=")
        if is_pair and key in keys:
            if not value:
                raise InputError(f"{key}=: must have a value")
            values.setdefault(key, []).append(value)
        elif key.startswith("tracking."):
            settings.append(argument)
        elif argument not in flags:
            if argument.startswith("-") or (is_pair and not Path(argument).exists()):
                allowed = [*(f"{key}=…" for key in keys), "tracking.KEY=…", *flags]
                raise InputError(unknown(key, allowed))
            files.append(argument)
    tracking = TrackingSettings.of(resolved.settings(settings)["tracking"])
    return Words(values, frozenset(flags) & {*arguments}, files, tracking)


def folders(arguments: Sequence[str]) -> list[Path]:
    """Return the named folders, or outputs. Raises InputError for what is no folder."""
    for argument in arguments:
        if not (argument and Path(argument).is_dir()):
            said = "no folder; without one, outputs is looked at"
            raise InputError(f"{argument or repr(argument)}: {said}")
    return [Path(argument) for argument in arguments] or [ROOT / "outputs"]


def run(main: Callable[[Sequence[str]], None], usage: str | None) -> None:
    """Run a command to the end of its process; `--help` prints `usage`."""
    with fast_exit():
        try:
            if {"-h", "--help"} & {*sys.argv[1:]}:
                print((usage or "").strip(), flush=True)
            else:
                main(sys.argv[1:])
                sys.stdout.flush()
        except InputError as error:
            sys.exit(shortened(str(error)))
        except BrokenPipeError:  # the end of the process deals with it
            raise
        # With MLflow's own error where it is loaded: to import it takes longer than most commands.
        except getattr(sys.modules.get("src.tracking.store"), "UNREACHABLE", OSError) as error:
            said = failed_call(error) if isinstance(error, OSError) else root_cause(error)
            sys.exit(shortened(said))
