"""The rules of the layout, read from the imports of every file."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from src.folders import ROOT

FILES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 250, 50


def name(path: Path) -> str:
    return path.relative_to(ROOT / "src").as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> set[str]:
    """Every module that the file imports, at its top or later."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(package: str) -> set[str]:
    """The files that import the package or something in it."""
    return {
        name(path)
        for path in FILES
        if any(module == package or module.startswith(f"{package}.") for module in imports(path))
    }


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def test_no_file_leads_back_to_itself():
    """The imports in functions count; those that only type checkers read do not."""
    waits = {module_of(path): running_imports(path) for path in FILES}
    assert sum(map(len, waits.values())) > 500
    assert list(TopologicalSorter(waits).static_order())


def running_imports(path: Path) -> set[str]:
    """The modules of this project that the file imports, but for type checkers."""
    return {
        found if (found := f"{node.module}.{alias.name}") in MODULES else node.module
        for node in _running(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
    }


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those below `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


# Rooms and the modules that stand alone, the lowest first.
HOUSE = (
    *("folders", "errors", "status", "metrics", "figures", "process", "source", "code_digest"),
    *("messages", "config", "provenance", "tracking", "job_source", "progress", "callable_package"),
    *(
        "predictions",
        "command_line",
        "compare",
        "answers",
        "rng",
        "data",
        "models",
        "training",
        "inference",
    ),
    *("artifacts", "job", "sweep", "launching", "plugins", "demo", "register", "crate", "export"),
    *("command_errors", "train", "predict", "sync", "console", "rerun", "power", "sweeps"),
    "interface",
)


def room(module: str) -> str:
    return module.removeprefix("src.").partition(".")[0]


def test_no_arrow_runs_back_up_the_house():
    assert {room(module_of(path)) for path in FILES} == {*HOUSE, "src"}
    later = {name: {*HOUSE[at + 1 :]} for at, name in enumerate(HOUSE)}
    back = {
        (name(path), module)
        for path in FILES
        if (own := room(module_of(path))) != "src" and path.name != "__main__.py"
        for module in running_imports(path)
        if room(module) in later[own]
    }
    assert not back


def test_only_the_tracking_talks_to_mlflow():
    nouns = ("embedded", "logged_model", "mlflow_results", "mlflow_sink", "mlflow_source", "store")
    assert importers("mlflow") == {f"tracking/{name}.py" for name in nouns}


@pytest.mark.parametrize("package", ["hydra", "omegaconf"])
def test_hydra_ends_in_the_job_that_builds_the_parts(package):
    allowed = {"train.py", "job.py", "command_errors.py"}
    allowed |= {
        f"config/{noun}.py"
        for noun in ("resolved", "hydra_internals", "shared_compositions", "resolvers")
    }
    allowed |= {
        f"training/{noun}.py" for noun in ("setup", "components", "instantiation", "network")
    }
    allowed |= {
        f"sweep/{noun}.py"
        for noun in (
            "callbacks",
            "multirun",
            "compose",
            "preflight",
            "secrets",
            "growing",
            "variation",
        )
    }
    elsewhere = {file for file in importers(package) if not file.startswith("plugins/")}
    assert elsewhere <= allowed
    assert elsewhere


@pytest.mark.parametrize(
    "package",
    [
        "torch",
        "src.training",
        "src.models",
        "src.data",
        "src.tracking",
        "mlflow",
        "hydra",
        "omegaconf",
    ],
)
def test_the_comparison_knows_plain_values_alone(package):
    assert not {file for file in importers(package) if file.startswith("compare/")}


def test_private_modules_of_hydra_are_imported_in_one_file():
    assert importers("hydra._internal") == {"config/hydra_internals.py"}


def test_the_console_script_alone_imports_the_entry_point():
    assert importers("src.train") == {"console.py"}


@pytest.mark.parametrize("package", ["mlflow", "src.tracking", "src.sweep"])
def test_the_training_has_never_heard_of_tracking(package):
    training = ("training/", "metrics.py", "rng.py", "models/", "data/")
    assert not {file for file in importers(package) if file.startswith(training)}


def test_the_entry_point_imports_nothing_that_is_slow():
    reached, waiting = set(), {"src.train"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        for path in (ROOT / f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")):
            if path.exists():
                tops = {
                    imported
                    for node in tree(path).body
                    if isinstance(node, ast.Import | ast.ImportFrom)
                    for imported in _named(node)
                }
                waiting |= tops - reached
    slow = {"torch", "torchvision", "mlflow", "numpy", "scipy", "matplotlib", "mlxtend"}
    assert "src.config.resolved" in reached
    assert not slow & {module.partition(".")[0] for module in reached}


def _named(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}


def test_weights_are_loaded_as_weights_and_nothing_else():
    loads = [
        (name(path), node)
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]
    assert loads
    for file, call in loads:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get("weights_only") == "True", f"{file}:{call.lineno}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_and_says_what_it_is(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(tree(path))


def test_a_function_fits_on_a_screen():
    functions = [
        (f"{name(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
    ]
    assert not [function for function, lines in functions if lines > LONGEST_FUNCTION]


def test_a_public_function_says_what_it_does():
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in FILES
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent
