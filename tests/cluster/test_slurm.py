"""Sweeps on a real SLURM: its requeues, its dead nodes, its queue without anybody who waits."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
from until import epochs, until

from src.folders import ROOT
from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=1000", "figures=false", "device=cpu", "threads=1")
ON_SLURM = ("hydra/launcher=slurm", "-m")
BATCHES = 12  # of an epoch
METRICS = ("train/loss", "train/error", "val/loss", "val/error", "lr")


def kinds(journal: Journal) -> list[str]:
    return [event["event"] for event in journal.events()]


def curves(journal: Journal) -> dict:
    """The metrics of each epoch, without the seconds that it took."""
    by_step = fold(journal).by_step
    return {step: [values[key] for key in METRICS] for step, values in by_step.items()}


def kill_with_its_node(task: str) -> None:
    """Kill the processes of a job, its shell and the daemons that watch them, as a crash does."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_ARRAY_TASK_ID") == task:
                found[process.pid] = process
    job_id = next(iter(found.values())).environ()["SLURM_JOB_ID"]
    daemons = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if f"[{job_id}." in " ".join(process.cmdline()):
                daemons[process.pid] = process
    for process in (daemons | found).values():  # the daemons first: they would tell how a job ended
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_a_job_whose_time_is_up_is_queued_again_and_ends_as_if_never_cut_off(slurm, workplace):
    place, job = workplace, Journal(workplace.folder / "sweep" / "0")
    gate = place.folder / "go on"
    command = (*SMALL, "epochs=8", "seed=3", *held(gate, batches=4 * BATCHES))
    process = place.start(*command, *ON_SLURM)
    until(lambda: epochs(job.folder) == 4, process)
    (job_id,) = [name for name, state in slurm.queue().items() if state == "RUNNING"]
    slurm.ask("scontrol", "update", f"jobid={job_id}", "timelimit=1")
    until(lambda: "requeued" in kinds(job), process)
    slurm.ask("scontrol", "update", f"jobid={job_id}", "timelimit=30")
    gate.touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "1 jobs: 1 resumed" in stderr
    assert kinds(job).count("requeued") == 1
    assert kinds(job).count("start") == 2
    assert kinds(job).count("metrics") == 8, "no epoch twice"
    assert {run.info.status for run in place.runs()} == {"FINISHED"}
    whole = place.train(*command, "reuse=false", f"hydra.sweep.dir={place.folder}/w", "-m")
    assert whole.returncode == 0, whole.stderr
    assert curves(job) == curves(Journal(place.folder / "w" / "0"))


def test_a_submitted_sweep_runs_the_code_of_its_submission_and_is_closed_by_its_last_job(
    slurm, workplace, tmp_path
):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from importlib import import_module\n\nown = lambda: import_module('mine.late').Own()\n"
    )
    (package / "late.py").write_text("from torch import nn\n\nclass Own(nn.ReLU):\n    pass\n")
    search = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    slurm.ask("scontrol", "update", "partitionname=usual", "state=down")
    options = ("activation._target_=mine.own", "seed=0,1", "epochs=2", "submit=true")
    process = workplace.start(*SMALL, *options, *ON_SLURM, env=os.environ | {"PYTHONPATH": search})
    stdout, stderr = process.communicate()
    for module in package.iterdir():
        module.write_text("raise SystemError('edited while the jobs wait')\n")
    waiting = sweeps(workplace.folder)
    slurm.ask("scontrol", "update", "partitionname=usual", "state=up")
    assert process.returncode == 0, stderr
    assert stdout == ""
    assert "Submitted: 0 of 2 jobs are finished; the others go on." in stderr
    assert waiting == "running 2 jobs: 2 queued"
    own = Journal(workplace.folder / "sweep")
    until(lambda: fold(own).has_ended)
    assert fold(own).status == Status.FINISHED
    assert (own.folder / "artifacts" / "comparison").exists() or not own.has_unsent
    until(lambda: [run.info.status for run in workplace.runs()] == ["FINISHED"] * 3)
    assert sweeps(workplace.folder) == "finished 2 jobs: 2 finished"


def sweeps(folder) -> str:
    """State and counts of the one sweep that `python -m src.sweeps` shows."""
    command = [sys.executable, "-m", "src.sweeps", str(folder)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (title, _) = told.stdout.splitlines()
    _, state, _, counts = title.split("  ")
    return f"{state} {counts}"


def die_with_node(workplace, *options: str) -> subprocess.CompletedProcess:
    """A sweep of two jobs, the second of which hangs once and then dies with its node."""
    hang = (
        "activation._target_=tests.launcher.faulty.Faulty",
        "+activation.fault=none,hang",
    )
    once = workplace.folder / "hung"
    command = (*SMALL, *hang, f"+activation.once={once}", "epochs=2", *options, *ON_SLURM)
    process = workplace.start(*command)
    until(once.exists, process)
    kill_with_its_node(task="1")
    stdout, stderr = process.communicate()
    assert "Traceback" not in stderr
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def test_a_job_that_dies_with_its_node_is_tried_again_elsewhere(slurm, workplace):
    told = die_with_node(workplace)
    assert told.returncode == 0, told.stderr
    assert "2 jobs: 2 trained" in told.stderr
    assert {run.info.status for run in workplace.runs()} == {"FINISHED"}
    assert fold(Journal(workplace.folder / "sweep" / "1")).reason == ""


def test_where_it_may_not_be_queued_again_it_is_ended_and_the_same_command_trains_it_alone(
    slurm, workplace
):
    told = die_with_node(workplace, "+hydra.launcher.additional_parameters.no-requeue=true")
    assert told.returncode == 1
    assert "its process is gone; SLURM says NODE_FAIL" in told.stderr
    assert "2 jobs: 1 trained, 1 failed" in told.stderr
    states = {run.info.run_name: run.info.status for run in workplace.runs()}
    assert states.pop("+activation.fault=none") == "FINISHED"
    assert states.pop("+activation.fault=hang") == "KILLED"
    assert list(states.values()) == ["FAILED"], "the sweep"
    again = workplace.train(*told.args, f"hydra.sweep.dir={workplace.folder}/again")
    assert again.returncode == 0, again.stderr
    assert "2 jobs: 1 reused, 1 trained" in again.stderr


def test_ctrl_c_leaves_the_jobs_to_the_cluster_and_the_same_command_trains_none_twice(
    slurm, workplace
):
    sweep = Journal(workplace.folder / "sweep")
    gate = workplace.folder / "go on"
    command = (*SMALL, "epochs=4", "seed=0,1", *held(gate, batches=2 * BATCHES), *ON_SLURM)
    process = workplace.start(*command)
    until(lambda: all(epochs(sweep.folder / job) for job in "01"), process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Interrupted: 0 of 2 jobs are finished; the others go on." in stderr
    assert "`scancel " in stderr
    again = workplace.start(*command, f"hydra.sweep.dir={workplace.folder}/again")
    until(lambda: list(slurm.queue().values()).count("RUNNING") == 4, again)
    gate.touch()
    _, stderr = again.communicate()
    assert again.returncode == 0, stderr
    assert "2 jobs: 2 reused" in stderr
    assert {run.info.status for run in workplace.runs()} == {"FINISHED"}
    for job in "01":
        assert epochs(sweep.folder / job) == 4


def test_a_sweep_of_more_jobs_than_an_array_takes_is_several_arrays(slurm, workplace):
    told = workplace.train(*SMALL, "epochs=1", "seed=range(5)", *ON_SLURM)
    assert told.returncode == 0, told.stderr
    assert "5 jobs: 5 trained" in told.stderr
    arrays = fold(Journal(workplace.folder / "sweep")).tags["scheduler_job"].rpartition(":")[2]
    assert len(arrays.split(",")) == 2


def test_a_partition_that_is_not_there_is_one_line(slurm, workplace):
    told = workplace.train(*SMALL, "hydra.launcher.partition=none", *ON_SLURM)
    assert told.returncode == 1
    assert "hydra/launcher=slurm: sbatch: error: " in told.stderr
    assert "nvalid partition" in told.stderr
    assert "Traceback" not in told.stderr
    assert [run.info.status for run in workplace.runs()] == ["FAILED"]


@pytest.fixture
def second_node(slurm):
    """Gives the second node other mounts for a test."""
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no other mounts for one process here")
    yield lambda *mount: slurm.restart_node("n2", *mount)
    slurm.clear()
    slurm.restart_node("n2")


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        (("mount --bind {0} {0}", "mount -o remount,ro,bind {0}"), "SLURM says FAILED on n2"),
        (("mount -t tmpfs -o size=64k none {0}/checkpoints",), "No space left on device: '{0}/"),
    ],
    ids=["read-only", "full"],
)
def test_a_node_that_cannot_write_costs_its_own_jobs_alone(
    second_node, workplace, tmp_path_factory, mount, why
):
    folder, gate = workplace.folder, tmp_path_factory.mktemp("gate") / "go on"
    (folder / "checkpoints").mkdir()
    second_node(*(line.format(folder) for line in mount))
    sweep = SweepJournals(Journal(folder / "sweep"))
    own = (*SMALL, "activation=relu,tanh", "seed=0,1", "epochs=2", *held(gate, batches=BATCHES))
    process = workplace.start(*own, *ON_SLURM)
    until(lambda: [job.has_failed for job in sweep.records()].count(True) == 2, process)
    gate.touch()
    stdout, stderr = process.communicate()
    assert process.returncode == 1
    told = [line for line in stderr.splitlines() if re.match(r"\[./4\] .*failed: ", line)]
    assert len(told) == 2
    assert all(why.format(folder) in line for line in told)
    assert "Traceback" not in stderr
    assert "4 jobs: 2 trained, 2 failed" in stderr
    assert "2 runs failed or did not finish" in stdout
    assert fold(sweep.sweep).status == Status.FAILED
    second_node()
    again = workplace.train(*own, f"hydra.sweep.dir={folder}/again", *ON_SLURM)
    assert again.returncode == 0, again.stderr
    assert "4 jobs: 2 reused, 2 trained" in again.stderr
