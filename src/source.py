"""The source of a module: a digest of its code, and its imports.

Comments, docstrings and formatting are no part of the digest, which is that of the syntax tree.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """The content of a Python file."""

    content: bytes

    @classmethod
    def read(cls, file: Path) -> "Source":
        """Read a file; one that is gone is empty."""
        try:
            return cls(file.read_bytes())
        except OSError:  # deleted since it was listed, or a link to nowhere
            return cls(b"")

    def differs_from(self, file: Path) -> bool:
        """Return whether the file now has other code; other comments do not count."""
        now = Source.read(file)
        return now != self and now.digest != self.digest

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
    if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
        return None
    body = getattr(node, "body")  # noqa: B009, only some kinds of node have one
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return body[1:] if ast.get_docstring(node, clean=False) is not None else body
    return body


def _name(node: ast.expr) -> str | None:
    return getattr(node, "id", getattr(node, "attr", None))


def _imported(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.Import):
        return [(0, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = [node.module] if node.module else []
        return [(node.level, ".".join([*start, alias.name])) for alias in node.names]
    return []
