"""Sweeps on Ray: of this machine, and of a cluster that loses a node."""

import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from mlflow_server import MlflowServer
from until import until

from src.tracking.journal import JOURNAL
from tests.conftest import Workplace
from tests.held import held
from tests.processes import Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason='no Ray: pip install -e ".[ray]"'),
]

SMALL = ("data=mnist_5k", "data.n=400", "figures=false", "device=cpu", "threads=1", "epochs=2")
ON_RAY = ("hydra/launcher=ray", "-m")


@pytest.fixture
def cluster():
    """Ray with a head that takes no jobs; `add_node` gives it more."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield started
    started.shutdown()


def test_jobs_of_this_machine_run_beside_a_cluster_and_have_logs_of_their_own(cluster, workplace):
    told = workplace.train(*SMALL, "seed=0,1", "hydra.launcher.init.num_cpus=2", *ON_RAY)
    assert told.returncode == 0, told.stderr
    assert "2 jobs: 2 trained" in told.stderr
    assert "epoch 1/2" not in told.stdout + told.stderr
    for job in "01":
        assert "epoch 1/2" in (workplace.folder / "sweep" / job / "output.log").read_text()
    assert {run.info.status for run in workplace.runs()} == {"FINISHED"}


def test_ctrl_c_leaves_no_run_running(workplace):
    sweep, two = workplace.folder / "sweep", "hydra.launcher.init.num_cpus=2"
    gate = held(workplace.folder / "never", batches=1)
    process = workplace.start(*SMALL, *gate, "seed=0,1", two, *ON_RAY)
    until(lambda: all((sweep / job / JOURNAL).exists() for job in "01"), process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Interrupted: 0 of 2 jobs are finished; the same command continues." in stderr
    assert [run.info.status for run in workplace.runs()] == ["KILLED"] * 3


def test_more_than_any_node_has_is_one_line(workplace):
    more = ("hydra.launcher.init.num_cpus=1", "hydra.launcher.remote.num_cpus=2")
    told = workplace.train(*SMALL, *more, *ON_RAY)
    assert told.returncode == 1
    assert "hydra.launcher.remote.num_cpus=2: must be at most 1" in told.stderr
    assert not re.search("Traceback|No comparison|none began", told.stderr)


def test_a_cluster_that_is_not_there_is_one_line(workplace, closed_port):
    nobody = f"hydra.launcher.init.address='127.0.0.1:{closed_port}'"
    told = workplace.train(*SMALL, nobody, *ON_RAY)
    assert told.returncode == 1
    said = f"hydra.launcher.init.address=127.0.0.1:{closed_port}: Connection refused"
    assert told.stderr.splitlines()[-1] == said
    assert "Traceback" not in told.stderr


def test_the_jobs_of_a_lost_node_are_tried_again_on_another(cluster, workplace):
    lost, once = cluster.add_node(num_cpus=2), workplace.folder / "hung"
    hang = (
        "activation._target_=tests.launcher.faulty.Faulty",
        "+activation.fault=none,hang",
    )
    address = f"hydra.launcher.init.address='{cluster.address}'"
    process = workplace.start(*SMALL, *hang, f"+activation.once={once}", address, *ON_RAY)
    until(once.exists, process)
    cluster.add_node(num_cpus=2)
    cluster.remove_node(lost, allow_graceful=False)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "2 jobs: 2 trained" in stderr or "2 jobs: 1 resumed, 1 trained" in stderr
    assert {run.info.status for run in workplace.runs()} == {"FINISHED"}


@pytest.fixture
def blind(cluster, processes, tmp_path):
    """A folder that the only node with CPUs does not see; in its place it has an empty one."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("only root may hide a folder from a process")
    add_blind_node(cluster, processes, folder)
    return folder


def add_blind_node(cluster, processes: Processes, folder: Path) -> None:
    """Give Ray another node, of two CPUs, which has an empty folder in the place of `folder`."""
    ray = Path(sys.executable).with_name("ray")
    start = f"exec {ray} start --address={cluster.address} --num-cpus=2 --block"
    before = nodes(cluster)
    node = processes.start(
        ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {folder} && {start}"]
    )
    until(lambda: nodes(cluster) - before, node)


def nodes(cluster) -> set[str]:
    """The ids of all nodes that there ever were."""
    return {node["NodeID"] for node in cluster.global_state.node_table()}


def test_results_of_a_node_that_does_not_see_the_folder_come_back_from_the_server(
    cluster, blind, mlflow, processes, tmp_path
):
    address = f"hydra.launcher.init.address='{cluster.address}'"
    with closing(MlflowServer(tmp_path)) as server:
        server.start()
        place = Workplace(blind, server.uri, "blind", processes)
        # As good as equal, so each look but the last asks for more seeds: it must see the jobs.
        jobs = (*SMALL, "activation=relu,leaky_relu", "seed=auto", "compare.looks=[6,7]")
        told = place.train(*jobs, address, *ON_RAY)
        assert told.returncode == 0, told.stderr
        assert "14 jobs: 14 trained" in told.stderr
        assert [run.info.status for run in place.runs()] == ["FINISHED"] * 15
        again = place.train(*jobs, f"hydra.sweep.dir={blind}/again", "-m")
        assert "14 jobs: 14 reused" in again.stderr


def test_a_job_of_such_a_node_that_is_lost_goes_on_in_its_run_on_another(
    cluster, blind, mlflow, processes, tmp_path
):
    once, address = tmp_path / "hung", f"hydra.launcher.init.address='{cluster.address}'"
    hang = ("activation._target_=tests.launcher.faulty.Faulty", "+activation.fault=hang")
    with closing(MlflowServer(tmp_path)) as server, closing(Processes()) as sweeps:
        server.start()
        place = Workplace(blind, server.uri, "blind", sweeps)
        process = place.start(*SMALL, *hang, f"+activation.once={once}", "seed=0", address, *ON_RAY)
        until(lambda: once.exists() and len(place.runs()) == 2, process)
        processes.close()  # the node, and its job
        add_blind_node(cluster, processes, blind)
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
        assert "1 jobs: 1 trained" in stderr
        assert [run.info.status for run in place.runs()] == ["FINISHED"] * 2


def test_without_a_server_such_a_node_is_named_in_a_line(cluster, blind, database, processes):
    place = Workplace(blind, database, "blind", processes)
    address = f"hydra.launcher.init.address='{cluster.address}'"
    told = place.train(*SMALL, "seed=0,1", address, *ON_RAY)
    assert told.returncode == 1
    assert "must be a server, or" in told.stderr
    assert "2 jobs: 2 failed" in told.stderr
    assert "Traceback" not in told.stderr
