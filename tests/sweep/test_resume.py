"""Sweeps that are cut off and go on: nothing is trained twice, nothing is missing."""

import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from until import all_have, until

from src.process import identity
from src.tracking.journal import Journal
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=200", "figures=false", "device=cpu", "threads=1")
FAULTY = "activation._target_=tests.launcher.faulty.Faulty"
TWO = "hydra.launcher.workers=2"
BATCHES, EPOCHS = 3, 8
KEYS = ("train/loss", "train/error", "val/loss", "val/error", "lr")


def history(place, run, keys=KEYS) -> list:
    client = MlflowClient(place.uri)
    return [
        [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)] for key in keys
    ]


def jobs_of(place, sweep) -> dict:
    parent = sweep.info.run_id
    return {
        run.info.run_name: run
        for run in place.runs()
        if run.data.tags.get("mlflow.parentRunId") == parent
    }


def ends(folder: Path) -> bool:
    return any(event["event"] == "end" for event in Journal(folder).events())


def sweeps(place) -> list:
    """The latest first."""
    return [run for run in place.runs() if run.data.tags.get("kind") == "sweep"]


def into(place, name: str) -> str:
    return f"hydra.sweep.dir={place.folder}/{name}"


def test_a_worker_killed_in_mid_epoch_is_tried_again_and_ends_as_if_never_cut_off(workplace):
    once = workplace.folder / "was_killed"
    told = workplace.train(
        *SMALL, "epochs=6", FAULTY, f"+activation.once={once}", "+activation.after=12",
        "+activation.fault=none,kill", "-m",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert once.exists()
    assert "its process was ended by SIGKILL; tried again" in told.stderr
    jobs = jobs_of(workplace, sweeps(workplace)[0])
    assert {name: run.info.status for name, run in jobs.items()} == {
        "+activation.fault=none": "FINISHED",
        "+activation.fault=kill": "FINISHED",
    }
    whole, cut_off = jobs["+activation.fault=none"], jobs["+activation.fault=kill"]
    assert "reason" not in cut_off.data.tags
    assert [step for step, _ in history(workplace, cut_off)[0]] == [1, 2, 3, 4, 5, 6]
    assert history(workplace, cut_off) == history(workplace, whole)
    assert not list((workplace.folder / "checkpoints").glob("*"))


class Cut:
    """A sweep whose parent was killed, the same command again, and the same without a cut."""

    def __init__(self, place) -> None:
        self.place = place
        client = MlflowClient(place.uri)
        gate = place.folder / "go on"
        own = held(gate, batches=4 * BATCHES)
        command = (*SMALL, f"epochs={EPOCHS}", "seed=0,1", TWO, *own)
        process = place.start(*command, into(place, "cut"), "-m")
        until(lambda: all_have(place.folder / "cut", jobs=2, count=4), process)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _, self.alive = psutil.wait_procs(workers, timeout=300)
        gate.touch()
        self.first = sweeps(place)[0]
        experiment = self.first.info.experiment_id
        tags = {"machine": identity.machine_id(), "process": identity.process_id()}
        self.stranger = client.create_run(experiment, tags=tags).info.run_id
        namesake = {"host": socket.gethostname(), "machine": "another", "process": "1@1.0"}
        self.far_away = client.create_run(experiment, tags=namesake).info.run_id
        self.told = place.train(*command, into(place, "again"), "-m")
        self.second = sweeps(place)[0]
        self.whole = place.train(*command, into(place, "whole"), "reuse=false", "-m")
        self.third = sweeps(place)[0]
        self.states = {run.info.run_id: run.info.status for run in place.runs()}


@pytest.fixture(scope="module")
def cut(shared_workplace):
    return Cut(shared_workplace)


class TestSigkillToTheParent:
    def test_workers_end_with_it(self, cut):
        assert not [process for process in cut.alive if process.status() != psutil.STATUS_ZOMBIE]

    def test_the_next_sweep_marks_what_it_left_and_only_that(self, cut):
        assert cut.states[cut.first.info.run_id] == "KILLED"
        for job in jobs_of(cut.place, cut.first).values():
            assert job.info.status == "KILLED"
            assert job.data.tags["reason"]
        assert cut.states[cut.stranger] == "RUNNING"
        assert cut.states[cut.far_away] == "RUNNING"

    def test_the_same_command_again_has_every_epoch_once(self, cut):
        assert cut.told.returncode == 0, cut.told.stderr
        jobs = jobs_of(cut.place, cut.second)
        assert sorted(jobs) == ["seed=0", "seed=1"]
        for job in jobs.values():
            assert job.info.status == "FINISHED"
            for key in history(cut.place, job):
                assert [step for step, _ in key] == list(range(1, EPOCHS + 1))

    def test_no_epoch_is_trained_twice(self, cut):
        jobs = jobs_of(cut.place, cut.second)
        for number, name in enumerate(("seed=0", "seed=1")):
            measured = [
                event["values"]["epoch_seconds"]
                for event in Journal(cut.place.folder / "cut" / str(number)).events()
                if event["event"] == "metrics"
            ]
            (now,) = history(cut.place, jobs[name], ("epoch_seconds",))
            # An epoch is trained again only if its checkpoint could not be written any more.
            assert len(measured) >= 3
            assert [value for _, value in now][: len(measured) - 1] == measured[:-1]

    def test_curves_are_those_of_a_sweep_that_was_never_cut_off(self, cut):
        assert cut.whole.returncode == 0
        for name, job in jobs_of(cut.place, cut.second).items():
            whole = jobs_of(cut.place, cut.third)[name]
            assert history(cut.place, job) == history(cut.place, whole)
            assert job.data.metrics["test/error"] == whole.data.metrics["test/error"]


@pytest.mark.parametrize("sent", ["ctrl-c", "SIGTERM"])
def test_a_sweep_that_is_told_to_stop_says_how_to_continue(sent, workplace):
    folder = workplace.folder / "sweep"
    own = held(workplace.folder / "never", batches=BATCHES)
    process = workplace.start(*SMALL, "seed=0,1,2", TWO, *own, "-m")
    until(lambda: all_have(folder, jobs=2, count=1), process)
    if sent == "ctrl-c":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Interrupted: 0 of 3 jobs are finished; the same command continues." in stderr
    assert "Traceback" not in stderr
    assert [run.info.status for run in workplace.runs()] == ["KILLED"] * 3  # the third never began


def test_ctrl_c_where_jobs_run_in_the_sweeps_own_process_interrupts_the_sweep(workplace):
    hang = ("+activation.fault=hang", FAULTY, "hydra/launcher=basic")
    process = workplace.start(*SMALL, *hang, "seed=0,1", "-m")
    until(lambda: next(Journal(workplace.folder / "sweep" / "0").events(), None), process)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate()
    assert process.returncode == 130
    assert "Interrupted: 0 of 2 jobs are finished; the same command continues." in stderr
    assert stdout == ""
    assert [run.info.status for run in workplace.runs()] == ["KILLED"] * 2


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGHUP])
def test_a_sweep_that_is_killed_is_marked_so_without_another(sent, workplace):
    folder = workplace.folder / "sweep"
    own = held(workplace.folder / "never", batches=BATCHES)
    process = workplace.start(*SMALL, "seed=0,1", TWO, *own, "-m")
    until(lambda: all_have(folder, jobs=2, count=1) and len(workplace.runs()) == 3, process)
    if sent == signal.SIGHUP:  # the terminal was closed
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    process.communicate()
    until(lambda: [run.info.status for run in workplace.runs()] == ["KILLED"] * 3)
    assert all(run.info.end_time for run in workplace.runs())


@pytest.mark.parametrize("begun", ["fork server", "sweep", "workers", "job"])
def test_ctrl_c_at_any_moment_of_the_start_is_quiet(begun, workplace):
    folder = workplace.folder / "sweep"
    own = held(workplace.folder / "never", batches=BATCHES)
    process = workplace.start(*SMALL, "seed=0,1", *own, "-m")
    children = psutil.Process(process.pid).children
    moments = {
        "fork server": lambda: any("forkserver" in " ".join(c.cmdline()) for c in children()),
        "sweep": lambda: Journal(folder).path.exists(),
        "workers": lambda: any(c.children() for c in children()),
        "job": lambda: next(Journal(folder / "0").events(), None),
    }

    def has_come() -> object:
        try:
            return moments[begun]()
        except psutil.NoSuchProcess:  # a child such as git, which soon ends
            return False

    until(has_come, process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr.startswith("Interrupted: 0 of 2") or not stderr
    assert {run.info.status for run in workplace.runs()} <= {"KILLED"}


def test_ctrl_c_while_it_compares_ends_the_sweep_in_good_order(workplace):
    folder = workplace.folder / "sweep"
    gate, tables = workplace.folder / "go on", folder / "artifacts" / "comparison"
    process = workplace.start(
        *SMALL, "epochs=2", "seed=0,1", TWO, *held(gate, batches=BATCHES), "-m"
    )
    until(lambda: all_have(folder, jobs=2, count=1), process)
    tables.mkdir(parents=True)
    os.mkfifo(tables / "summary.csv")  # who writes it waits for a reader
    gate.touch()
    until(lambda: all(ends(folder / job) for job in ("0", "1")), process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr.endswith("Interrupted: 2 of 2 jobs are finished; the same command continues.\n")
    (sweep,) = sweeps(workplace)
    assert sweep.info.status == "KILLED"
    assert {job.info.status for job in jobs_of(workplace, sweep).values()} == {"FINISHED"}


def test_a_second_ctrl_c_stops_at_once(workplace):
    folder = workplace.folder / "sweep"
    hang = ("+activation.fault=hang", FAULTY)
    process = workplace.start(*SMALL, "epochs=2", *hang, "-m")
    until(lambda: next(Journal(folder / "0").events(), None), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()  # the hanging job would keep it for ever
    assert process.returncode == 130
    _, alive = psutil.wait_procs(workers, timeout=300)
    assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def lineage(tmp_path_factory, database):
    """Duplicate variants, then more seeds, then everything anew."""
    from tests.conftest import Workplace

    place = Workplace(Path(tmp_path_factory.mktemp("lineage")), database, "lineage")
    axes = (*SMALL, "epochs=1", "model=softmax,mlp", "activation=sigmoid,relu")
    told = {}
    for name, more in {
        "first": ("seed=0",),
        "plan": ("seed=0,1", "dry_run=true"),
        "longer": ("seed=0,1",),
        "anew": ("seed=0", "reuse=false"),
    }.items():
        told[name] = place.train(*axes, *more, into(place, name), "-m")
        assert told[name].returncode == 0, told[name].stderr
    return place, told


class TestReuse:
    @staticmethod
    def trained(place, number: int) -> list[str]:
        jobs = jobs_of(place, sweeps(place)[::-1][number])
        return sorted(name for name, run in jobs.items() if "reused_from" not in run.data.tags)

    def test_softmax_is_trained_once_whatever_the_activation(self, lineage):
        place, _ = lineage
        trained = self.trained(place, 0)
        assert len(trained) == 3
        assert sum("softmax" in name for name in trained) == 1

    def test_a_plan_lists_what_would_be_done_and_does_nothing(self, lineage):
        place, told = lineage
        lines = told["plan"].stdout.splitlines()
        assert lines[-2] == "5 to reuse, 0 to resume, 3 to train"  # seed 1's softmax twice
        assert lines[-1].startswith("note: with 2 seeds no p-value below 0.05")
        assert "reuse   model=mlp activation=relu seed=0" in lines
        assert "train   model=mlp activation=relu seed=1" in lines
        assert not (place.folder / "plan").exists()

    def test_extending_a_sweep_trains_what_is_new(self, lineage):
        trained = self.trained(lineage[0], 1)
        assert len(trained) == 3
        assert all("seed=1" in name for name in trained)

    def test_a_reused_job_has_the_same_metrics_and_says_where_they_are_from(self, lineage):
        place, _ = lineage
        name = "model=mlp activation=relu"
        first, longer = (jobs_of(place, sweep) for sweep in sweeps(place)[::-1][:2])
        origin, reused = first[name], longer[f"{name} seed=0"]
        assert reused.data.tags["reused_from"] == origin.info.run_id
        assert reused.info.status == "FINISHED"
        assert reused.data.metrics == origin.data.metrics
        assert history(place, reused) == history(place, origin)

    def test_reuse_can_be_refused(self, lineage):
        assert len(self.trained(lineage[0], 2)) == 4
