"""Digests of the code that a result depends on, found by following imports.

A file's digest is that of its syntax tree, so comments, docstrings and formatting do not count.
Installed distributions count by their version, Python's own library not at all.
"""

import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import ModuleSpec
from itertools import accumulate
from pathlib import Path

from src.errors import InputError
from src.folders import CODE
from src.process.signals import is_stop
from src.source import Source

JOB, TRAINING = "src/job.py", "src.training."  # a job is trained by the modules it imports of these
PARTS = ("src/data", "src/models", "src/training")
NEUTRAL = {  # modules and packages that decide no result although training imports them, and why
    "src.errors": "exceptions end a job and change no number",
    "src.messages": "messages change no number",
    "src.training.instantiation": "mistakes end a job before it trains",
    "src.config": "the resolved config is part of a job's identity",
    "src.code_digest": "the digests are part of a job's identity",
    "src.source": "the digests are part of a job's identity",
    "src.process": "processes change no number, and threads are part of a job's identity",
    "hydra": "the resolved config is part of a job's identity",
}
SITES = ("site-packages", "dist-packages")  # folders of installed distributions

log = logging.getLogger(__name__)


class Snapshot:
    """Sources as this process imports them: those below `root`/src are read at once.

    A file is read once, before its first import, so that an edit while jobs run gives no result
    the name of code that did not make it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = {file: Source.read(file) for file in sorted((root / "src").rglob("*.py"))}
        self.changed: set[Path] = set()  # between reading and import: the code run is unknown
        parts = {file: file.relative_to(root).with_suffix("").parts for file in self.sources}
        self._own = {".".join(p).removesuffix(".__init__"): file for file, p in parts.items()}
        self._others: dict[str, Path] = {}  # modules that are not this project's

    def digests(self, targets: Iterable[str]) -> dict[str, str]:
        """Return the digest of each file, and the version of each distribution, that jobs run.

        `targets` are the config's `_target_`s. Raises InputError for a file that changed between
        its reading and its import.
        """
        imports = (name for _, name in self.sources[self.root / JOB].imports)
        roots = [name for name in imports if name.startswith(TRAINING)]
        found: dict[str, str] = {}
        for name in self._reached([*roots, *targets]):
            if version := _version(name):
                found[name] = version
            elif file := self._file(name):
                if file in self.changed:
                    raise InputError(f"{file}: changed during its import; run the command again")
                found[_place(name, file)] = self._source(file).digest
        return dict(sorted(found.items()))

    def files(self) -> dict[str, Path]:
        """Return the file of each name that digests may have."""
        modules = {**self._own, **self._others}.items()
        return {_place(name, file): file for name, file in modules}

    def write(self, folder: Path) -> dict[Path, Path]:
        """Write all sources below `folder` as they were read; return the original of each copy."""
        copies = {folder / place: file for place, file in self.files().items()}
        for copy, file in copies.items():
            if (content := self._source(file).content) or file.exists():  # else in an archive
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
        return {copy: file for copy, file in copies.items() if copy.exists()}

    def import_parts(self) -> None:
        """Import all of this project's models, data and training code, whichever a job may use.

        A part that cannot be imported is left to the job that wants it.
        """
        folders = [self.root / part for part in PARTS]
        own = {n: f for n, f in self._own.items() if any(map(f.is_relative_to, folders))}
        self._import(own, self.sources)
        for file in own.values():
            self.sources[file].digest  # noqa: B018, computed for all processes that fork from here

    def import_targets(self, targets: Iterable[str]) -> None:
        """Import the modules of `_target_`s; failures are left to their instantiation."""
        before = set(self.sources)
        names = [name for name in self._reached(targets) if not _version(name)]
        if new := [file for file in self.sources if file not in before]:
            self._import(names, new)

    def _import(self, names: Iterable[str], files: Iterable[Path]) -> None:
        for name in names:
            try:
                importlib.import_module(name)
            except BaseException as error:  # a module is anybody's code
                if is_stop(error):
                    raise
                log.debug("%s cannot be imported: %s", name, error)
        self.changed |= {file for file in files if self.sources[file].differs_from(file)}

    def _reached(self, names: Iterable[str]) -> list[str]:
        """Return the modules and distributions that the dotted names and their imports lead to."""
        reached: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            for name in accumulate(waiting.pop().split("."), "{}.{}".format):
                if name in NEUTRAL or name in sys.stdlib_module_names:
                    break
                if _version(name):
                    reached[name] = None
                    break
                file = self._file(name)
                if file is not None and name not in reached:
                    reached[name] = None
                    if name not in self._own:
                        self._others[name] = file
                    waiting += _absolute(name, file, self._source(file).imports)
        return list(reached)

    def _source(self, file: Path) -> Source:
        if file not in self.sources:
            self.sources[file] = Source.read(file)
        return self.sources[file]

    def _file(self, name: str) -> Path | None:
        """Return the file of a module, without an import of the module or its parents."""
        if name.partition(".")[0] == "src":
            return self._own.get(name)
        spec = _spec(name)
        return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def check_unchanged(code: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise InputError for a file of `code` with another digest than the sweep's own, `expected`.

    A result must not be filed under the digest of code that did not make it.
    """
    for name, found in code.items():
        wanted = expected.get(name, found)
        if wanted == found:
            continue
        if "." in name:
            raise InputError(f"{name}: changed since the sweep began; run the command again")
        raise InputError(f"{name} {found}: must be {wanted}, the version that the sweep began with")


def _place(name: str, file: Path) -> str:
    """Return the path of a module's file from its top package on, the same on every machine."""
    packages = name.split(".") if file.name.startswith("__init__.") else name.split(".")[:-1]
    return "/".join([*packages, file.name])


def _absolute(name: str, file: Path, imports: Iterable[tuple[int, str]]) -> list[str]:
    """Return what is imported in module `name` as absolute names."""
    parts = name.split(".")
    package = parts if file.stem == "__init__" else parts[:-1]
    return [
        ".".join([*package[: len(package) + 1 - level], imported]) if level else imported
        for level, imported in imports
    ]


@lru_cache(maxsize=4096)
def _spec(name: str) -> ModuleSpec | None:
    """Find a module; nothing is imported for that, as importlib.util.find_spec would."""
    top, *below = name.split(".")
    if not below:
        finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
        return next(filter(None, (finder.find_spec(name, None) for finder in finders)), None)
    package = _spec(top)
    folders = package.submodule_search_locations if package else None
    places = (str(Path(folder, *below[:-1])) for folder in folders or ())
    importers = filter(None, map(pkgutil.get_importer, places))
    return next(filter(None, (importer.find_spec(name) for importer in importers)), None)


@lru_cache(maxsize=256)
def _version(name: str) -> str | None:
    """Return an installed distribution's version; None for code that may change under one.

    Of a distribution that was installed from a folder or a repository (PEP 610) the version does
    not tell the content.
    """
    from importlib import metadata

    spec = None if "." in name else _spec(name)
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
    folders = (folder for place in filter(None, places) for folder in Path(place).parents)
    site = next((f for f in folders if f.name in SITES), None)
    if site is None:
        return None
    for distribution in _distributions(name, site):
        with suppress(metadata.PackageNotFoundError):
            found = metadata.distribution(distribution)
            return None if found.read_text("direct_url.json") else found.version
    return None


def _distributions(name: str, site: Path) -> Iterator[str]:
    """Yield the distributions that may bring a module, the quickly found ones first."""
    from importlib import metadata

    for file in site.glob("*.dist-info/top_level.txt"):
        if name in file.read_text().split():
            yield file.parent.name.partition("-")[0]
    yield name
    yield from metadata.packages_distributions().get(name, ())  # reads the lists of all files


SNAPSHOT = Snapshot(CODE)
