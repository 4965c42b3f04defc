"""Digests of the code that a result depends on, found by following imports.

A file's digest is that of its syntax tree, so comments, docstrings and formatting do not count.
Installed distributions count by their version, Python's own library not at all.
"""

import ast
import hashlib
import importlib
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.machinery import ModuleSpec, all_suffixes
from itertools import accumulate
from pathlib import Path

from src import ROOT
from src.errors import InputError

JOB, TRAINING = "src.job", "src.training"  # each job is trained by what the first imports of these
PARTS = ("src.data", "src.models", TRAINING)
NEUTRAL = {  # imported by training, although no result depends on them: why
    "src.errors": "exceptions end a job and change no number",
    "src.config": "its product, the resolved config, is part of a job's identity",
    "src.code_digest": "its product is part of a job's identity",
    "src.provenance": "of it training takes the number of cores, the identity's number of threads",
    "hydra": "its product, the resolved config, is part of a job's identity",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The content of a Python file."""

    content: bytes

    @property
    def digest(self) -> str:
        """The digest of the code: 16 hexadecimal digits."""
        return self._parsed[0]

    @property
    def imports(self) -> frozenset[tuple[int, str]]:
        """Level (0: absolute) and dotted name of each import, those in functions included."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[str, frozenset[tuple[int, str]]]:
        words: list[str] = []
        imports: list[tuple[int, str]] = []
        try:
            _describe(ast.parse(self.content), words, imports)
        except (SyntaxError, ValueError):  # not Python, such as a compiled module
            words = [hashlib.sha256(self.content).hexdigest()]
        digest = hashlib.sha256("\n".join(words).encode(errors="surrogatepass")).hexdigest()
        return digest[:16], frozenset(imports)


def _describe(node: object, words: list[str], imports: list[tuple[int, str]]) -> None:
    """Add the words of a syntax tree and the imports in it; ast.dump takes twice as long."""
    if isinstance(node, ast.AST):
        imports += _imported(node)
        words.append(type(node).__name__)
        for field in node._fields:
            child = _running(node) if field == "body" else getattr(node, field, None)
            if child is not None and child != [] and field not in ("ctx", "kind", "type_comment"):
                words.append(field)
                _describe(child, words, imports)
        words.append(")")
    elif isinstance(node, list):
        for child in node:
            _describe(child, words, imports)
        words.append("]")
    else:
        words.append(repr(node))


def _running(node: ast.AST) -> object:
    """Return the body of a node without its docstring, or nothing if only type checkers read it."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return None
    body = getattr(node, "body")  # noqa: B009, only some kinds of node have one
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return body[1:] if ast.get_docstring(node, clean=False) is not None else body
    return body


def _imported(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.Import):
        return [(0, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = [node.module] if node.module else []
        return [(node.level, ".".join([*start, alias.name])) for alias in node.names]
    return []


class Snapshot:
    """Sources as this process imports them: those below `root`/src are read at once.

    A file is read once, before its first import, so that an edit while jobs run gives no result
    the name of code that did not make it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = {file: _read(file) for file in sorted((root / "src").rglob("*.py"))}
        self.changed: set[Path] = set()  # in the moment of their import, so nobody knows to what
        self._files: dict[str, Path | None] = {}

    def digests(self, targets: Iterable[str]) -> dict[str, str]:
        """Return the digest of each file, and the version of each distribution, that jobs run.

        `targets` are the config's `_target_`s. Raises InputError for a file that changed in the
        moment of its import.
        """
        of_job = (name for _, name in self.sources[self.root / "src" / "job.py"].imports)
        roots = [name for name in of_job if name.startswith(f"{TRAINING}.")]
        found: dict[str, str] = {}
        for name in self._reached([*roots, *targets]):
            if version := _version(name):
                found[name] = version
            elif file := self._file(name):
                if file in self.changed:
                    raise InputError(f"{file}: changed while it was imported; try again")
                found[_label(name, file)] = self._source(file).digest
        return dict(sorted(found.items()))

    def paths(self, code: Iterable[str]) -> list[Path]:
        """Return the files that keys of `digests` name; distributions have none."""
        files = {_label(name, file): file for name, file in self._files.items() if file}
        return [files[label] for label in code if label in files]

    def import_parts(self) -> None:
        """Import all of this project's models, data and training code, whichever a job may use.

        A part that cannot be imported is left to the job that wants it.
        """
        folders = [self.root / package.replace(".", "/") for package in PARTS]
        own = [file for file in self.sources if any(map(file.is_relative_to, folders))]
        names = [".".join(file.relative_to(self.root).with_suffix("").parts) for file in own]
        self._import([name.removesuffix(".__init__") for name in names], self.sources)
        for file in own:
            self.sources[file].digest  # noqa: B018, computed for all processes that fork from here

    def import_targets(self, targets: Iterable[str]) -> None:
        """Import the modules of `_target_`s; those that fail are left to who instantiates them."""
        before = set(self.sources)
        names = [name for name in self._reached(targets) if not _version(name)]
        if new := [file for file in self.sources if file not in before]:
            self._import(names, new)

    def _import(self, names: Iterable[str], files: Iterable[Path]) -> None:
        for name in names:
            try:
                importlib.import_module(name)
            except Exception as error:
                log.debug("%s cannot be imported: %s", name, error)
        self.changed |= {file for file in files if _read(file) != self.sources[file]}

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
                    waiting += _absolute(name, file, self._source(file).imports)
        return list(reached)

    def _source(self, file: Path) -> Source:
        if file not in self.sources:
            self.sources[file] = _read(file)
        return self.sources[file]

    def _file(self, name: str) -> Path | None:
        """Return the file of a module, which is not imported for that, nor are its parents."""
        if name not in self._files:
            candidates = self._candidates(*name.split("."))
            found = (f for f in candidates if f in self.sources or f.is_file())
            self._files[name] = next(found, None)
        return self._files[name]

    def _candidates(self, top: str, *below: str) -> Iterator[Path]:
        spec = _spec(top)
        folders = [] if spec is None else list(spec.submodule_search_locations or [])
        if top == "src":
            folders = [str(self.root / "src")]
        elif spec and spec.has_location and spec.origin and not below:
            yield Path(spec.origin)
        for place in (Path(folder, *below) for folder in folders):
            yield from (place / f"__init__{suffix}" for suffix in all_suffixes())
            if below:
                yield from (place.with_name(place.name + suffix) for suffix in all_suffixes())


def check_unchanged(code: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise InputError for a file of `code` with another digest than the sweep's own, `expected`.

    A result must not be filed under the digest of code that did not make it.
    """
    for file, digest in code.items():
        if expected.get(file, digest) != digest:
            raise InputError(f"{file}: changed since the sweep began; run the command again")


def _read(file: Path) -> Source:
    try:
        return Source(file.read_bytes())
    except OSError:  # deleted since it was listed, or a link that leads nowhere
        return Source(b"")


def _label(name: str, file: Path) -> str:
    """Return the file's path from its top package on, the same on every machine."""
    depth = name.count(".") + (file.stem == "__init__")
    return "/".join(file.parts[-1 - depth :])


def _absolute(name: str, file: Path, imports: Iterable[tuple[int, str]]) -> list[str]:
    """Return what is imported in module `name` as absolute names."""
    parts = name.split(".")
    package = parts if file.stem == "__init__" else parts[:-1]
    return [
        ".".join([*package[: len(package) + 1 - level], imported]) if level else imported
        for level, imported in imports
    ]


@lru_cache(maxsize=256)
def _spec(top: str) -> ModuleSpec | None:
    """Find a top-level module."""
    found = (
        finder.find_spec(top, None) for finder in sys.meta_path if hasattr(finder, "find_spec")
    )
    return next(filter(None, found), None)


@lru_cache(maxsize=256)
def _version(name: str) -> str | None:
    """Return an installed distribution's version; None for code that may change under one.

    Of a distribution that was installed from a folder or a repository (PEP 610) the version does
    not tell the content.
    """
    from importlib import metadata

    spec = None if "." in name else _spec(name)
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
    site = next((Path(p) for p in filter(None, places) if "-packages" in p), None)
    if site is None:
        return None
    while not site.name.endswith("-packages"):
        site = site.parent
    try:
        found = metadata.distribution(_distribution(site, name))
    except metadata.PackageNotFoundError:
        return None
    return None if found.read_text("direct_url.json") else found.version


def _distribution(site: Path, top: str) -> str:
    """Return the name of the distribution that has put the module `top` into the folder `site`."""
    for listed in site.glob("*.dist-info/top_level.txt"):
        if top in listed.read_text().split():
            return listed.parent.name.partition("-")[0]
    return top


SNAPSHOT = Snapshot(ROOT)
