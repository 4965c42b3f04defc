"""The source of a module: a digest of its code, and its imports."""

import ast
import hashlib
from dataclasses import dataclass
from functools import lru_cache
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
        return _parse(self.content)[0]

    @property
    def imports(self) -> frozenset[tuple[int, str]]:
        """Level (0: absolute) and dotted name of each import, those in functions included."""
        return _parse(self.content)[1]


@lru_cache(maxsize=1024)
def _parse(content: bytes) -> tuple[str, frozenset[tuple[int, str]]]:
    """Return digest and imports."""
    try:
        tree = _Running().visit(ast.parse(content))
    except (SyntaxError, ValueError):  # not Python, such as a compiled module
        return hashlib.sha256(content).hexdigest()[:16], frozenset()
    imports = {name for node in ast.walk(tree) for name in _imported(node)}
    text = ast.dump(tree).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:16], frozenset(imports)


class _Running(ast.NodeTransformer):
    """Leaves out of a syntax tree docstrings and what only type checkers read."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if getattr(node.test, "id", getattr(node.test, "attr", None)) == "TYPE_CHECKING":
            node.body = []
        return self.generic_visit(node)


def _imported(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.Import):
        return [(0, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = [node.module] if node.module else []
        return [(node.level, ".".join([*start, alias.name])) for alias in node.names]
    return []
