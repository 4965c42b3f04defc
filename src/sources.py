"""The code that decides a result, as digests: a change of it makes finished jobs strangers."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from src import ROOT

TRAINING = ("training", "metrics.py", "streams.py", "data/splits.py")  # below src, of every job
NEUTRAL = "src.errors"  # what is said of an error decides nothing


@lru_cache(maxsize=1)
def of_training() -> str:
    """Digest of torch's version and of what every job is trained with."""
    places = [ROOT / "src" / name for name in TRAINING]
    files = [f for p in places for f in (p.rglob("*.py") if p.is_dir() else [p])]
    return _digest(files, version("torch"))


@lru_cache(maxsize=64)
def of_target(target: str) -> str:
    """Digest of what a `_target_` names: a file of this project and what it imports of it, or the
    module or whole package that a user brings. "" for torch, whose version is known.
    """
    top = target.split(".")[0]
    if top == "torch":
        return ""
    if top == "src" and (module := _module(target)):
        return _digest(_with_imports(module))
    spec = importlib.util.find_spec(top)
    if spec is None or not (spec.has_location or spec.submodule_search_locations):
        return ""
    folders = spec.submodule_search_locations
    return _digest(
        [f for folder in folders for f in Path(folder).rglob("*.py")]
        if folders
        else [Path(spec.origin)]
    )


def _digest(files: Iterable[Path], start: str = "") -> str:
    content = hashlib.sha256(start.encode())
    for file in sorted(files):
        content.update(file.read_bytes())
    return content.hexdigest()


def _with_imports(module: str) -> list[Path]:
    """The files of the module and of all that it imports of this project, at its top or later."""
    reached: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and name != NEUTRAL:
            reached[name] = _file(name)
            waiting += _imports(reached[name])
    return list(reached.values())


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from filter(None, (_module(name) for name in names if name.startswith("src.")))


def _module(name: str) -> str | None:
    """The longest beginning of a dotted name that is a module of this project."""
    while name:
        if _file(name):
            return name
        name = name.rpartition(".")[0]
    return None


def _file(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    files = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((file for file in files if file.exists()), None)
