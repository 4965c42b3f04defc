"""Sweeps that are run for real: what each job and the sweep come to in MLflow."""

import re
import shlex
import signal
import subprocess
import sys

import pytest
from mlflow import MlflowClient
from until import epochs, until

from src.folders import ROOT
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=200", "epochs=2", "figures=false", "device=cpu")
FAULTY = "activation._target_=tests.launcher.faulty.Faulty"


def children(place) -> dict:
    """The sweep's jobs by name, and under `sweep` the sweep itself."""
    return {
        "sweep" if run.data.tags.get("kind") == "sweep" else run.info.run_name: run
        for run in place.runs()
    }


def curve(place, run) -> list:
    client = MlflowClient(place.uri)
    keys = ("train/loss", "train/error", "val/loss", "val/error")
    return [
        [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)] for key in keys
    ]


@pytest.fixture(scope="module")
def faults(shared_workplace):
    """A sweep in which all that can go wrong with a job goes wrong once."""
    faults = "none,raise,exit,interrupt,close,kill,vanish,diverge"
    told = shared_workplace.train(
        *SMALL, FAULTY, f"+activation.fault={faults}", "threads=1", "hydra.launcher.retries=0", "-m"
    )
    return told, children(shared_workplace)


class TestEachDeathIsItsOwn:
    @pytest.mark.parametrize(
        ("fault", "status", "reason"),
        [
            ("none", "FINISHED", None),
            ("raise", "FAILED", "ZeroDivisionError: a bug in the model"),
            ("exit", "FAILED", "SystemExit: 3"),
            (
                "interrupt",
                "FAILED",
                "RuntimeError: KeyboardInterrupt, for which there was no signal",
            ),
            ("close", "FAILED", "GeneratorExit"),
            ("kill", "KILLED", "its process was ended by SIGKILL"),
            ("vanish", "KILLED", f"its process was ended by signal {signal.SIGRTMIN + 6}"),
            ("diverge", "FINISHED", None),
        ],
    )
    def test_every_job_ends_in_its_own_state(self, faults, fault, status, reason):
        run = faults[1][f"+activation.fault={fault}"]
        assert run.info.status == status
        assert run.info.end_time is not None
        assert run.data.tags.get("reason") == reason

    def test_a_divergence_is_a_result(self, faults):
        assert faults[1]["+activation.fault=diverge"].data.tags["outcome"] == "diverged"

    def test_failures_are_told_when_they_happen_and_at_the_end(self, faults):
        told, _ = faults
        assert "+activation.fault=raise  failed: ZeroDivisionError" in told.stderr
        assert "sweep.id" not in told.stderr
        table = told.stderr.partition("failed jobs")[2]
        assert all(
            f"fault={fault}" in table for fault in ("raise", "exit", "interrupt", "close", "kill")
        )
        assert "diverge" not in table
        assert told.stderr.rstrip().endswith("6 jobs failed; the same command tries them again")

    def test_the_exit_code_says_so_without_a_traceback(self, faults):
        told, runs = faults
        assert told.returncode == 1
        assert "Traceback" not in told.stderr
        assert runs["sweep"].info.status == "FAILED"

    def test_what_finished_is_compared(self, faults, shared_workplace):
        told, runs = faults
        assert "none" in told.stdout
        listed = MlflowClient(shared_workplace.uri).list_artifacts(
            runs["sweep"].info.run_id, "comparison"
        )
        assert "comparison/report.html" in [file.path for file in listed]


def test_a_job_over_its_time_is_killed_and_says_the_limit(workplace):
    told = workplace.train(
        *SMALL, FAULTY, "+activation.fault=hang", "hydra.launcher.timeout=3", "-m"
    )
    assert told.returncode == 1
    runs = children(workplace)
    (job,) = (run for name, run in runs.items() if name != "sweep")
    assert job.info.status == "KILLED"
    assert job.data.tags["reason"] == "stopped after hydra.launcher.timeout=3 seconds"


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_other_launchers_let_a_job_fail_alone(launcher, workplace):
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    told = workplace.train(
        f"hydra/launcher={launcher}", *SMALL, FAULTY, "+activation.fault=raise,interrupt,none", "-m"
    )
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert told.stderr.rstrip().endswith("2 jobs failed; the same command tries them again")
    runs = children(workplace)
    assert runs["+activation.fault=none"].info.status == "FINISHED"
    for fault, reason in (
        ("raise", "ZeroDivisionError: a bug"),
        ("interrupt", "RuntimeError: Key"),
    ):
        failed = runs[f"+activation.fault={fault}"]
        assert failed.info.status == "FAILED"
        assert failed.data.tags["reason"].startswith(reason)
    assert runs["sweep"].info.status == "FAILED"


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("batch_size=64,0", "batch_size=0: must be an integer of at least 1"),
        ("data.n=200,90000", "data.n=90000: must be at most 4000"),
        (
            "activation._target_=torch.nn.ReLU,torch.nn.Rely",
            "activation=relu: _target_=torch",
        ),
        ("compare.baseline=seed", "compare.baseline=seed: must be one of '"),
        (
            "tracking.experiment=a,b",
            "tracking.experiment: must be the same for all jobs of a sweep",
        ),
        ("tune.seeds=range(3,5)", "tune.seeds: must be the same for all jobs of a sweep; several"),
        ("dry_run=true,false", "dry_run: must be the same for all jobs of a sweep"),
        ("models=best,all", "models: must be the same for all jobs of a sweep"),
        ("experiment=activations,depth", "experiment: must be one where it names values"),
        ("optimizer.lr=range(1000000)", "optimizer.lr=range(1000000): must leave at most 20,000"),
        (
            "experiment=activation",
            "experiment=activation: unknown (did you mean activations?); must be one of",
        ),
        ("hydra.sweep.subdir=same", "hydra.sweep.subdir: "),
        ("hydra.sweep.subdir=.", "hydra.sweep.subdir: "),
        (
            "hydra.launcher.workers=0",
            "hydra.launcher.workers=0: must be auto or an integer",
        ),
        ("hydra.launcher.timeout=true", "hydra.launcher.timeout=True: must be a number above 0"),
        ("hydra.sweeper.max_batch_size=1", "hydra.sweeper.max_batch_size=1: must be null"),
        ("hydra.job.chdir=true", "hydra.job.chdir=true: must be false"),
    ],
)
def test_a_mistake_in_the_last_job_costs_no_training(mistake, said, workplace):
    told = workplace.train(*SMALL, "seed=0,1", mistake, "-m")
    assert told.returncode == 1
    assert told.stderr.startswith(said)
    assert told.stderr.count("\n") == 1
    assert not (workplace.folder / "sweep").exists()


def test_launchers_train_the_same_bit_for_bit(workplace):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    curves = {}
    for launcher in ("local", "basic", "joblib"):
        told = workplace.train(
            f"hydra/launcher={launcher}", *SMALL, "threads=1", "seed=0,1", "reuse=false",
            f"hydra.sweep.dir={workplace.folder}/{launcher}", "-m",
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        newest = workplace.runs()[:3]
        named = {run.info.run_name: run for run in newest}
        curves[launcher] = [curve(workplace, named[f"seed={seed}"]) for seed in (0, 1)]
    assert curves["local"] == curves["basic"] == curves["joblib"]
    assert curves["local"][0] != curves["local"][1]


def test_jobs_are_seen_wherever_their_directories_lie(workplace):
    subdir = "hydra.sweep.subdir=deep/${hydra.job.override_dirname}"
    told = workplace.train(*SMALL, subdir, "seed=0,1", "-m")
    assert told.returncode == 0, told.stderr
    assert len(re.findall(r"seed=\d  finished  epoch 2/2  train ", told.stderr)) == 2
    again = workplace.train(
        *SMALL, subdir, "seed=0,1", f"hydra.sweep.dir={workplace.folder}/again", "-m"
    )
    assert len(re.findall(r"seed=\d  reused", again.stderr)) == 2
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"] * 6


@pytest.mark.parametrize("output", ["| true", ">&- 2>&-", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize(("asked", "runs"), [((), 1), (("seed=0,1,2", "-m"), 4)])
def test_what_prints_words_that_nobody_can_read_ends_as_well(asked, runs, output, workplace):
    words = [sys.executable, "-m", "src.train", *workplace.overrides, *SMALL, *asked]
    command = f"set -o pipefail; {shlex.join(words)} {output}"
    told = subprocess.run(["bash", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 0, told.stderr
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"] * runs


@pytest.mark.parametrize("mode", ["run", "sweep"])
def test_of_two_that_start_at_once_in_one_directory_one_is_refused(mode, workplace):
    sweep = ["-m"] if mode == "sweep" else []
    both = [workplace.start(*SMALL, f"seed={seed}", *sweep) for seed in (1, 2)]
    told = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    (refused,) = (words for words, process in zip(told, both, strict=True) if process.returncode)
    assert refused.endswith("results lie there already; a directory of its own is needed\n")
    assert refused.count("\n") == 1
    runs = workplace.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * (2 if sweep else 1)


def test_two_sweeps_that_ask_the_same_at_once_train_it_once(workplace):
    where = f"hydra.sweep.dir={workplace.folder}/sweeps/${{stamp:}}"
    command = (*SMALL, where, "epochs=20", "seed=0,1", "-m")
    for process in [workplace.start(*command) for _ in range(2)]:
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
    jobs = [run for run in workplace.runs() if "mlflow.parentRunId" in run.data.tags]
    assert [job.info.status for job in jobs] == ["FINISHED"] * 4
    trained = [job for job in jobs if "reused_from" not in job.data.tags]
    assert sorted(job.data.params["seed"] for job in trained) == ["0", "1"]


def test_a_report_that_cannot_be_written_costs_the_sweep_only_that(workplace):
    sweep = workplace.folder / "sweep"
    gate = workplace.folder / "go on"
    process = workplace.start(*SMALL, "epochs=2", "seed=0,1", *held(gate, batches=5), "-m")
    until(lambda: epochs(sweep / "0"), process)
    (sweep / "artifacts").write_text("in its way")
    gate.touch()
    _, stderr = process.communicate()
    assert process.returncode == 0
    assert "No comparison: [Errno" in stderr
    assert "Traceback" not in stderr
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"] * 3


def test_two_sweeps_and_eight_workers_on_a_fresh_database(fresh_workplace):
    where = f"hydra.sweep.dir={fresh_workplace.folder}/sweeps/${{stamp:}}"
    common = (*SMALL, where, "epochs=1", "hydra.launcher.workers=4", "reuse=false")
    first = fresh_workplace.start(*common, "seed=range(4)", "-m")
    second = fresh_workplace.start(*common, "seed=range(4,8)", "-m")
    for process in (first, second):
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
    runs = fresh_workplace.runs()
    sweeps = [run for run in runs if run.data.tags.get("kind") == "sweep"]
    assert [run.info.status for run in runs] == ["FINISHED"] * 10
    for sweep in sweeps:
        mine = [
            int(run.data.params["seed"])
            for run in runs
            if run.data.tags.get("mlflow.parentRunId") == sweep.info.run_id
        ]
        assert sorted(mine) in ([0, 1, 2, 3], [4, 5, 6, 7])
    assert len(list((fresh_workplace.folder / "sweeps").iterdir())) == 2
