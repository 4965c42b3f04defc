"""The way the data goes through the comparison."""

import ast
from graphlib import TopologicalSorter

from src.folders import ROOT

PACKAGE = "src.compare."


def test_the_modules_import_each_other_one_way():
    imported = {}
    for path in (ROOT / "src/compare").glob("*.py"):
        nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
        names = {f"{n.module}.{alias.name}" for n in nodes for alias in n.names}
        names |= {n.module for n in nodes}
        own = {name.removeprefix(PACKAGE) for name in names if name.startswith(PACKAGE)}
        imported[path.stem] = {name for name in own if "." not in name}
    order = list(TopologicalSorter(imported).static_order())  # raises CycleError for a circle
    data = ["variants", "pairs", "comparison", "summary", "report"]
    assert sorted(data, key=order.index) == data
