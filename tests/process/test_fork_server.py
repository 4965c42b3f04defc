"""Processes that are killed: others take their place, and nothing is left of them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from until import until

from src.folders import ROOT

pytestmark = pytest.mark.slow

BEGIN = """
import os
from src.process import fork_server
fork_server.start([])
fork_server.fork(int).join()
"""
ALIVE = f"{BEGIN}print('begun', flush=True)\ninput()\n"


@pytest.fixture
def start(processes) -> Callable[[str, Path], subprocess.Popen]:
    """Runs a body in a process with this temporary folder, and ends it with the test."""

    def started(body: str, folder: Path) -> subprocess.Popen:
        own = {"TMPDIR": str(folder), "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
        command = [sys.executable, "-c", body]
        return processes.start(command, cwd=ROOT, env=os.environ | own, stdin=subprocess.PIPE)

    return started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder with a name that is short enough for sockets to lie in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def living(start, folder):
    """A process that has a fork server, until it is told to end."""
    process = start(ALIVE, folder)
    assert process.stdout.readline() == "begun\n", process.stderr.read()
    return process


def child(process: subprocess.Popen, name: str) -> psutil.Process:
    (found,) = (
        each for each in psutil.Process(process.pid).children() if name in " ".join(each.cmdline())
    )
    return found


def test_nothing_is_left_of_a_process_that_ends(living, folder):
    assert list(folder.iterdir())
    assert living.communicate("\n") == ("", "")
    assert not list(folder.iterdir())


def test_the_next_process_removes_what_is_left_of_a_killed_one_and_of_no_other(
    living, folder, start
):
    killed = start(ALIVE, folder)
    assert killed.stdout.readline() == "begun\n"
    killed.kill()
    killed.communicate()
    folders = set(folder.iterdir())
    assert len(folders) == 2
    assert start(BEGIN, folder).communicate() == ("", "")
    (left,) = folder.iterdir()
    assert left in folders
    assert f"-{living.pid}@" in left.name
    assert living.communicate("\n") == ("", "")
    assert not list(folder.iterdir())


def test_a_folder_names_its_process_from_the_first_moment_on(folder, start):
    killing = "import tempfile\nmkdtemp = tempfile.mkdtemp\n"
    killing += "tempfile.mkdtemp = lambda *a, **k: (mkdtemp(*a, **k), os.kill(os.getpid(), 9))\n"
    killed = start(f"import os\n{killing}{BEGIN}", folder)
    killed.communicate()
    assert killed.returncode == -9
    assert len(list(folder.iterdir())) == 1
    assert start(BEGIN, folder).communicate() == ("", "")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("victim", ["forkserver", "resource_tracker"])
def test_a_killed_process_of_multiprocessings_own_is_replaced(victim, folder, start):
    process = start(f"{ALIVE}fork_server.fork(os.write, 1, b'forked').join()\n", folder)
    assert process.stdout.readline() == "begun\n"
    killed = child(process, victim)
    killed.kill()
    until(lambda: killed.status() == psutil.STATUS_ZOMBIE, process)
    assert process.communicate("\n") == ("forked", "")
    assert process.returncode == 0
    assert not list(folder.iterdir())


def test_sockets_lie_elsewhere_where_the_temporary_folders_name_is_long(tmp_path, start):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    process = start(f"{BEGIN}fork_server.fork(os.write, 1, b'forked').join()\n", long)
    assert process.communicate() == ("forked", "")
    assert not list(long.iterdir())


def test_a_fork_server_that_is_killed_while_it_imports_is_replaced(tmp_path, start):
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "begun = pathlib.Path(__file__).with_name('begun')\n"
        "if not begun.exists():\n"
        "    begun.touch()\n"
        "    time.sleep(1_000)\n"
    )
    process = start(
        "import os\nfrom src.process import fork_server\nfork_server.start(['slow'])\n"
        "fork_server.fork(os.write, 1, b'forked').join()\n",
        tmp_path,
    )
    until((tmp_path / "begun").exists, process)
    child(process, "forkserver").kill()
    assert process.communicate() == ("forked", "")
