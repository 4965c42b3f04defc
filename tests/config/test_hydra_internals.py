"""Sweeps with a Hydra, and a Python, that lack a private name which this project uses."""

import math
import subprocess
import sys

import pytest
from hydra.core.utils import JobReturn, JobStatus

from src.config.hydra_internals import error_of, failed, failure_of
from src.errors import JobError
from src.folders import ROOT

# Who defines a name and needs it still; the project alone does not find it.
WITHOUT = """
import builtins, importlib, runpy, sys
import hydra, hydra._internal.utils, hydra.core.plugins
from hydra._internal.config_loader_impl import ConfigLoaderImpl
place, name = sys.argv.pop(1).split(":")
owner = ConfigLoaderImpl if place == "loader" else importlib.import_module(place)
if place == "loader":
    class Without(ConfigLoaderImpl):
        def __getattribute__(self, key):
            caller = sys._getframe(1).f_globals["__name__"]
            if key == name and caller.startswith("src."):
                print("not found")
                raise AttributeError(key)
            return super().__getattribute__(key)
    hydra._internal.hydra.ConfigLoaderImpl = Without
elif place == "hydra._internal":
    find = builtins.__import__
    def without(name, globals=None, *others, **more):
        importer = (globals or {}).get("__name__", "")
        if name.startswith(place) and importer.startswith(("src.", "hydra_plugins")):
            print("not found")
            raise ImportError(name)
        return find(name, globals, *others, **more)
    builtins.__import__ = without
else:
    delattr(owner, name)
    print("not found")
runpy.run_module("src.train", run_name="__main__")
"""
PRIVATE = (
    "hydra._internal:all",
    "loader:_apply_overrides_to_config",
    "multiprocessing.util:_exit_function",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIVATE)
def test_a_sweep_goes_the_public_way_where_a_private_name_is_missing(name, workplace):
    command = [sys.executable, "-c", WITHOUT, name, "-m", "seed=0,1", "data=digits", "epochs=1"]
    command += workplace.overrides
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not found" in done.stdout
    assert "2 jobs: 2 trained" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_that_failed_is_told_from_one_that_did_not(capsys):
    error = JobError("no")
    result = failed(error, ["seed=1"])
    assert (failure_of(result), error_of(result)) == (error, math.inf)
    assert result.overrides == ["seed=1"]
    well = JobReturn(status=JobStatus.COMPLETED)
    well.return_value = 0.5
    assert (failure_of(well), error_of(well)) == (None, 0.5)
    assert capsys.readouterr() == ("", "")
