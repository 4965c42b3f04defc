"""Places where tests find full MNIST, configs without a command line, and a place for outputs."""

import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import open_dict

from src.config.hydra_internals import MAIN, trust_config
from src.config.resolved import Resolved, resolve
from src.config.resolvers import register_resolvers
from src.config.shared_compositions import PROVEN, SharingLoader
from src.folders import ROOT
from src.process.exit import require_normal_shutdown
from tests.processes import Processes

if TYPE_CHECKING:  # torch takes seconds to import, of which the process over workers needs none
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from src.data.splits import Splits
    from src.training.components import Components


@pytest.fixture(scope="session")
def mnist_root() -> str:
    """The folder that holds full MNIST in torchvision's layout."""
    root = os.environ.get("MNIST_ROOT")
    if not root:
        pytest.skip("MNIST_ROOT names no folder with full MNIST")
    return root


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """A job sets how torch computes in its process; no test leaves that to the next one."""
    import torch

    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)  # many threads on few, busy cores wait for one another
    yield
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(autouse=True, scope="session")  # for the fixtures of longer scopes as well
def _config_is_trusted() -> Iterator[None]:
    """Let configs name any class in Hydra 1.4 as well, as command lines do."""
    with trust_config():
        yield


@pytest.fixture(scope="session")
def config() -> Callable[..., Resolved]:
    """The resolved config of a command line's overrides, composed as the jobs of a sweep are."""
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):
        own = GlobalHydra.instance().config_loader()
        loader = SharingLoader(own, hydra.__version__ in PROVEN)
        master = loader.load_configuration("config", [], RunMode.MULTIRUN)

    @cache
    def composed(server: str | None, *overrides: str) -> Resolved:
        cfg = loader.load_sweep_config(master, list(overrides))
        choices = cfg.hydra.runtime.choices
        with open_dict(cfg):
            del cfg["hydra"]
        return resolve(cfg, choices)

    # The one variable that conf/ reads.
    return lambda *them: deepcopy(composed(os.environ.get("MLFLOW_TRACKING_URI"), *them))


@pytest.fixture(scope="session")
def components(config: Callable[..., Resolved]) -> "Callable[..., Components]":
    """Return what a command line's overrides train, on 400 digits unless they say otherwise."""
    from src.training.components import build
    from src.training.setup import prepare

    def built(*overrides: str) -> "Components":
        resolved = config("data=mnist_5k", "data.n=400", "device=cpu", "threads=1", *overrides)
        return build(resolved, prepare(resolved))

    return built


@pytest.fixture(scope="session")
def digits() -> "Splits":
    """300 digits to train on, 100 to validate, 1,000 to test."""
    from src.data import mnist_5k

    return mnist_5k.load(n=400, target="digit", val_fraction=0.25, split_seed=0)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of the loopback address that refuses connections as long as the test lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, driven by playwright."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: "Producer"
) -> "LoadScopeScheduling | None":
    """With `--dist loadfile` let one process run all tests that start clusters."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(nodeid.partition("::")[0])
            return str(file.parent if file.parent.name == "cluster" else file)

    return ByFile(config, log)


def pytest_collection() -> None:
    """Spare the garbage collector the million objects of torch and of all that is imported."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what the tests make, and not too often."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000)


def pytest_unconfigure() -> None:
    """Let pytest's exit status stand, whatever command a test has run in this process."""
    gc.unfreeze()  # or torch's own libraries would tell of leaks
    require_normal_shutdown()


def _hear_signals() -> None:
    """Undo what a shell's `&` and nohup do: ignore Ctrl-C and SIGHUP, also in children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass(frozen=True)
class Workplace:
    """Outputs of command lines, in a folder and an MLflow experiment of their own."""

    folder: Path
    uri: str
    experiment: str
    processes: Processes = field(default_factory=Processes, repr=False)

    @property
    def run_dir(self) -> Path:
        """Return where a single run keeps its journal."""
        return self.folder / "run"

    @property
    def overrides(self) -> list[str]:
        """Return what sends every output of a command line here."""
        return [
            f"tracking.uri={self.uri}",
            f"tracking.experiment={self.experiment}",
            f"tracking.artifacts={self.folder}/artifacts",
            f"checkpoints={self.folder}/checkpoints",
            f"results={self.folder}/results",
            "models=none",  # which take seconds; tests of them say otherwise
            f"hydra.run.dir={self.run_dir}",
            f"hydra.sweep.dir={self.folder}/sweep",
        ]

    def start(
        self, *arguments: str, confine: Callable[[], None] = lambda: None, **options
    ) -> subprocess.Popen:
        """`python -m src.train` with these arguments, on its way; `confine` sets its limits."""
        command = [sys.executable, "-m", "src.train", *self.overrides, *arguments]
        options = {"cwd": ROOT, "preexec_fn": lambda: (_hear_signals(), confine())} | options
        return self.processes.start(command, **options)

    def train(self, *arguments: str) -> subprocess.CompletedProcess:
        """`python -m src.train` with these arguments, run to its end."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def runs(self) -> list:
        """MLflow's records of what was tracked here, the latest first."""
        from mlflow import MlflowClient

        client = MlflowClient(self.uri)
        experiment = client.get_experiment_by_name(self.experiment)
        return client.search_runs([experiment.experiment_id]) if experiment else []


@pytest.fixture(scope="session")
def mlflow() -> None:
    """MLflow, imported where the warnings of its own imports are no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

        import src.tracking.store  # noqa: F401, sets what MLflow reads when it is imported
    gc.freeze()


@pytest.fixture(scope="session")
def database(mlflow: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tracking database for all tests: making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db"


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Starts processes that end with the test."""
    with closing(Processes()) as started:
        yield started


@pytest.fixture
def workplace(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, processes: Processes
) -> Workplace:
    """A place for one test's outputs, with nothing in it."""
    return Workplace(tmp_path, database, re.sub(r"\W+", "-", request.node.name), processes)


@pytest.fixture(scope="module")
def shared_workplace(
    database: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Workplace]:
    """A place for a sweep that several tests of a file look at."""
    name, folder = re.sub(r"\W+", "-", request.node.name), tmp_path_factory.mktemp("outputs")
    with closing(Processes()) as processes:
        yield Workplace(folder, database, name, processes)


@pytest.fixture
def fresh_workplace(mlflow: None, tmp_path: Path, processes: Processes) -> Workplace:
    """A place whose tracking database does not exist yet."""
    return Workplace(tmp_path, f"sqlite:///{tmp_path}/mlflow.db", "fairsweep", processes)
