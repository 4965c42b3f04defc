"""Hydra's own tests of launchers, which every launcher is to pass."""

import pytest
from hydra import version
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite
from hydra_plugins.local_launcher import LocalLauncher

pytestmark = pytest.mark.slow

# Nothing of this project is needed by Hydra's jobs, and two workers start faster than more.
FAST = ["hydra.launcher.preload=[]", "hydra.launcher.workers=2"]


@pytest.fixture(autouse=True)
def _no_version_base(monkeypatch) -> None:
    """Hydra's tests start from a process in which no application has chosen its version."""
    base = version.VersionBase.instance()
    monkeypatch.setattr(base, "version_base", version._UNSPECIFIED_)


def test_hydra_finds_the_launcher():
    names = {plugin.__name__ for plugin in Plugins.instance().discover(Launcher)}
    assert LocalLauncher.__name__ in names


@pytest.mark.parametrize(("launcher_name", "overrides"), [("local", FAST)])
class TestLocalLauncher(LauncherTestSuite):
    """Jobs run in this process's children."""


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"), [({}, ["-m", "hydra/launcher=local", *FAST])]
)
class TestLocalLauncherIntegration(IntegrationTestSuite):
    """Whole applications."""


@pytest.mark.parametrize(
    "mistake", ["workers=0", "workers=few", "per_gpu=0", "threads=0", "retries=-1", "timeout=0"]
)
def test_settings_that_mean_nothing_are_refused_by_name(mistake, hydra_sweep_runner, tmpdir):
    sweep = hydra_sweep_runner(
        calling_file=None,
        calling_module="hydra.test_utils.a_module",
        task_function=None,
        config_path="configs",
        config_name="compose.yaml",
        overrides=["hydra/launcher=local", f"hydra.launcher.{mistake}"],
        temp_dir=tmpdir,
    )
    with pytest.raises(Exception, match="must be") as refused, sweep:
        pass
    assert f"hydra.launcher.{mistake}" in str(refused.value.__cause__ or refused.value)
