"""Successive halving as command lines: every rung goes on where the one before has stopped."""

import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch
from until import until

from src.metrics import EPOCH_SECONDS
from src.tracking.event import EventKind
from src.tracking.job_record import Action, JobRecord, Role
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=200", "epochs=4", "figures=false", "device=cpu")
SEARCH = (
    *("tune.space={optimizer.lr: log(0.005, 1)}", "tune.budget=4", "tune.halving=2"),
    *("tune.seeds=[7]", "tune.untuned=false", "seed=0,1"),
)
ONE_CYCLE = "schedule=one_cycle"  # its rates depend on all epochs, at every update
BUDGET = 4 * 1 + 2 * (2 - 1) + 1 * (4 - 2)  # epochs: 4 trials up to 1, 2 up to 2, 1 up to 4


def jobs(folder: Path, role: Role = Role.TRIAL) -> list[JobRecord]:
    return [job for job in SweepJournals(Journal(folder)).records() if job.role is role]


def trained(records: Sequence[JobRecord]) -> int:
    """Count the epochs that jobs have trained, not taken from others, by their journals."""
    events = [event for job in records for event in job.journal.events()]
    return sum(event["event"] == EventKind.METRICS for event in events)


def curve(job: JobRecord) -> list[dict[str, float]]:
    return [
        {key: value for key, value in epoch.metrics.items() if key != EPOCH_SECONDS}
        for epoch in job.epochs
    ]


def into(place, name: str) -> str:
    return f"hydra.sweep.dir={place.folder}/{name}"


@pytest.fixture(scope="module")
def halved(shared_workplace):
    own = (*SMALL, ONE_CYCLE, *SEARCH, "activation=relu", "-m")
    told = shared_workplace.train(*own)
    assert told.returncode == 0, told.stderr
    return shared_workplace, told, own


class TestHalving:
    def test_no_epoch_is_trained_twice(self, halved):
        trials = jobs(halved[0].folder / "sweep")
        assert [len(job.epochs) for job in trials] == [1] * 4 + [2] * 2 + [4]
        assert trained(trials) == BUDGET
        assert [job.action for job in trials] == [Action.TRAIN] * 4 + [Action.RESUME] * 3

    def test_each_trial_is_bitwise_what_trains_to_the_end_at_once(self, halved):
        place, _, _ = halved
        trials = jobs(place.folder / "sweep")
        rates = {job.params["optimizer.lr"] for job in trials}
        told = place.train(
            *SMALL, ONE_CYCLE, "activation=relu", f"optimizer.lr={','.join(sorted(rates))}",
            "seed=7", "reuse=false", into(place, "through"), "-m",
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        through = {job.params["optimizer.lr"]: job for job in jobs(
            place.folder / "through", Role.REPORTED)}  # fmt: skip
        for job in trials:
            whole = through[job.params["optimizer.lr"]]
            assert curve(job) == curve(whole)[: len(job.epochs)]
        last = trials[-1]
        assert last.summary == through[last.params["optimizer.lr"]].summary
        assert last.fingerprint == through[last.params["optimizer.lr"]].fingerprint

    def test_what_did_not_go_on_leaves_nothing_behind(self, halved):
        assert not list((halved[0].folder / "checkpoints").glob("*"))

    def test_the_same_command_again_trains_nothing(self, halved):
        place, _, own = halved
        again = place.train(*own, into(place, "again"))
        assert "9 jobs: 9 reused" in again.stderr

    @pytest.mark.parametrize("launcher", ["local", "basic"])
    def test_rungs_go_on_where_no_earlier_sweep_is_asked(self, halved, launcher):
        place, _, own = halved
        more = ("reuse=false", "threads=1", f"hydra/launcher={launcher}")
        told = place.train(*own[:-1], *more, into(place, launcher), "-m")
        assert told.returncode == 0, told.stderr
        trials, expected = jobs(place.folder / launcher), jobs(place.folder / "sweep")
        assert trained(trials) == BUDGET
        curves, known = ({job.name: curve(job) for job in found} for found in (trials, expected))
        assert curves == known
        assert not list((place.folder / "checkpoints").glob("*"))


def test_a_killed_search_goes_on_in_the_middle_of_a_rung(workplace):
    gate, folder = workplace.folder / "go on", workplace.folder / "sweep"
    own = (*SMALL, *SEARCH, *held(gate, batches=3, free=6))  # three batches are an epoch
    process = workplace.start(*own, "-m")

    def has_saved(epochs: int) -> bool:
        for path in (workplace.folder / "checkpoints").glob("*.pt"):
            with suppress(FileNotFoundError):  # it was handed on to the next rung
                if len(torch.load(path, weights_only=True)["history"]) == epochs:
                    return True
        return False

    until(lambda: has_saved(3), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    psutil.wait_procs(workers, timeout=300)
    assert trained(jobs(folder)) == BUDGET - 1
    gate.touch()
    told = workplace.train(*own, into(workplace, "rest"), "-m")
    assert told.returncode == 0, told.stderr
    rest = jobs(workplace.folder / "rest")
    assert [job.action for job in rest] == [Action.REUSE] * 6 + [Action.RESUME]
    assert trained(rest) == 1
    assert not list((workplace.folder / "checkpoints").glob("*"))
