"""Sweeps on a real SLURM: its requeues, its dead nodes, its queue without anybody who waits."""

import psutil
import pytest
from until import epochs, until

from src.tracking.job_record import Status, fold
from src.tracking.journal import Journal

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=1000", "figures=false", "device=cpu", "threads=1")
ON_SLURM = ("hydra/launcher=slurm", "-m")
METRICS = ("train/loss", "train/error", "val/loss", "val/error", "lr")


def curves(journal: Journal) -> dict:
    """The metrics of each epoch, without the seconds that it took."""
    by_step = fold(journal).by_step
    return {step: [values[key] for key in METRICS] for step, values in by_step.items()}


def processes_of(slurm, job_id: str) -> list[psutil.Process]:
    """The processes of a job of SLURM's, its shell and the daemon that watches it included."""
    found = []
    for process in psutil.process_iter():
        try:
            is_own = process.environ().get("SLURM_JOB_ID") == job_id
            if is_own or f"[{job_id}." in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_job_whose_time_is_up_is_queued_again_and_ends_as_if_never_cut_off(slurm, workplace):
    place, job = workplace, Journal(workplace.folder / "sweep" / "0")
    process = place.start(*SMALL, "epochs=400", "seed=3", *ON_SLURM)
    until(lambda: epochs(job.folder) >= 3)
    (job_id,) = [name for name, state in slurm.queue().items() if state == "RUNNING"]
    slurm.ask("scontrol", "update", f"jobid={job_id}", "timelimit=1")
    until(lambda: fold(job).status == Status.SCHEDULED)
    slurm.ask("scontrol", "update", f"jobid={job_id}", "timelimit=30")
    cut = epochs(job.folder)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "1 jobs: 1 resumed" in stderr
    assert 0 < cut < 400
    kinds = [event["event"] for event in job.events()]
    assert kinds.count("requeued") == 1
    assert kinds.count("start") == 2
    assert [kind for kind in kinds if kind == "metrics"] == ["metrics"] * 400, "no epoch twice"
    assert {run.info.status for run in place.runs()} == {"FINISHED"}
    whole = place.train(
        *SMALL, "epochs=400", "seed=3", "reuse=false", f"hydra.sweep.dir={place.folder}/w", "-m"
    )
    assert whole.returncode == 0, whole.stderr
    assert curves(job) == curves(Journal(place.folder / "w" / "0"))
