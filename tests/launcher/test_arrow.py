"""The launcher's imports: one module of the project, and no circle of its own."""

import ast
from graphlib import TopologicalSorter

from src.folders import ROOT

FOLDER = ROOT / "src/plugins/hydra_plugins/local_launcher"
PACKAGE = "hydra_plugins.local_launcher"


def imports(name: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in (PACKAGE, "src"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


FILES = {path.stem: imports(path.stem) for path in FOLDER.glob("*.py")}


def test_the_launcher_needs_one_module_of_the_project():
    used = {module for found in FILES.values() for module in found}
    assert {module for module in used if module.split(".")[0] == "src"} == {"src.launching"}


def test_the_launchers_files_import_each_other_in_no_circle():
    own = {
        name: {module.removeprefix(f"{PACKAGE}.") for module in found if PACKAGE in module}
        for name, found in FILES.items()
    }
    assert list(TopologicalSorter(own).static_order())
