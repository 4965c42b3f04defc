"""Tuned and growing sweeps as command lines."""

import shutil
import signal

import pytest
from until import until

from src.answers.recorded_jobs import searches
from src.tracking.job_record import JobRecord, Role
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals
from tests.held import held

pytestmark = pytest.mark.slow

SMALL = ("data=mnist_5k", "data.n=200", "epochs=2", "figures=false", "device=cpu", "models=none")
ARMS = ("-m", "activation=sigmoid,relu")
SPACE = "tune.space={optimizer.lr: log(0.005, 1)}"


def records(folder) -> list[JobRecord]:
    journals = SweepJournals(Journal(folder))
    return [*journals.records(), *journals.searches()]


def proposals(folder) -> dict[tuple[str, int], str]:
    """Return what each arm tried: its learning rate by arm and number of the trial."""
    found = searches(records(folder))
    return {(each.arm, t.number): t.settings["optimizer.lr"] for each in found for t in each.trials}


@pytest.fixture(scope="module")
def tuned(shared_workplace):
    told = shared_workplace.train(
        *SMALL, *ARMS, "seed=range(6)", SPACE, "tune.budget=3", "tune.seeds=[7,8]"
    )
    assert told.returncode == 0, told.stderr
    return told, shared_workplace


class TestTunedSweep:
    def test_each_arm_is_reported_at_the_setting_of_its_lowest_mean_error(self, tuned):
        jobs = records(tuned[1].folder / "sweep")
        for arm in ("activation=sigmoid", "activation=relu"):
            own = [job for job in jobs if job.tags.get("arm") == arm and not job.is_search]
            tried: dict[str, list[float]] = {}
            for job in own:
                if job.role is Role.TRIAL:
                    tried.setdefault(job.params["optimizer.lr"], []).append(job.best_val_error)
            assert {len(errors) for errors in tried.values()} == {2}
            chosen = min(tried, key=lambda lr: sum(tried[lr]))
            reported = [job for job in own if job.role is Role.REPORTED]
            assert {job.params["optimizer.lr"] for job in reported} == {chosen}
            assert sorted(int(job.params["seed"]) for job in reported) == [*range(6)]

    def test_the_searches_are_told_in_the_order_of_the_arms(self, tuned):
        jobs = records(tuned[1].folder / "sweep")
        parents = [job for job in jobs if job.is_search]
        for found in (parents, parents[::-1]):  # folders are listed in any order
            told = searches([*found, *(job for job in jobs if not job.is_search)])
            assert [each.arm for each in told] == ["activation=sigmoid", "activation=relu"]

    def test_the_settings_of_the_config_are_reported_beside(self, tuned):
        jobs = [job for job in records(tuned[1].folder / "sweep") if job.role is Role.UNTUNED]
        assert {job.params["optimizer.lr"] for job in jobs} == {"0.05"}
        assert len(jobs) == 12

    def test_the_name_of_a_tuned_run_tells_what_was_chosen(self, tuned):
        for job in records(tuned[1].folder / "sweep"):
            if job.role is Role.REPORTED and not job.is_search:
                chosen = f"optimizer.lr={job.params['optimizer.lr']}"
                assert job.name == f"{job.tags['arm']} {chosen} seed={job.params['seed']}"

    def test_trials_are_children_of_their_arm(self, tuned):
        runs = {run.info.run_id: run for run in tuned[1].runs()}
        trials = [run for run in runs.values() if run.data.tags.get("role") == "trial"]
        assert len(trials) == 12
        for run in trials:
            parent = runs[run.data.tags["mlflow.parentRunId"]]
            assert parent.info.run_name == run.data.tags["arm"]
            assert parent.info.status == "FINISHED"
            above = runs[parent.data.tags["mlflow.parentRunId"]]
            assert above.data.tags["kind"] == "sweep"

    def test_the_same_command_again_trains_nothing(self, tuned):
        _, workplace = tuned
        again = workplace.train(
            *SMALL, *ARMS, "seed=range(6)", SPACE, "tune.budget=3", "tune.seeds=[7,8]",
            f"hydra.sweep.dir={workplace.folder}/again",
        )  # fmt: skip
        assert "36 jobs: 36 reused" in again.stderr
        assert proposals(workplace.folder / "again") == proposals(workplace.folder / "sweep")

    def test_the_answer_does_not_depend_on_the_default(self, tuned):
        _, workplace = tuned
        told = workplace.train(
            *SMALL, *ARMS, "seed=range(6)", SPACE, "tune.budget=3", "tune.seeds=[7,8]",
            "optimizer.lr=0.9", "tune.untuned=false", f"hydra.sweep.dir={workplace.folder}/default",
        )  # fmt: skip
        assert "24 jobs: 24 reused" in told.stderr

    def test_other_launchers_choose_the_same(self, tuned):
        _, workplace = tuned
        told = workplace.train(
            *SMALL, *ARMS, "seed=range(6)", SPACE, "tune.budget=3", "tune.seeds=[7,8]", "threads=1",
            "hydra/launcher=basic", f"hydra.sweep.dir={workplace.folder}/basic",
        )  # fmt: skip
        assert "36 jobs: 36 reused" in told.stderr
        assert "36/36" not in told.stderr  # no view of this project's launcher


TUNED = (*ARMS, SPACE, "tune.budget=3", "tune.seeds=[7]", "seed=0,1", "tune.untuned=false")
GROWING = ("-m", "optimizer.lr=0.05,0.0501", "seed=auto", "compare.looks=[6,8]", "compare.margin=0")


@pytest.mark.parametrize(("more", "jobs", "first"), [(TUNED, 10, 6), (GROWING, 16, 12)])
def test_results_that_the_server_alone_has_are_found_in_every_round(workplace, more, jobs, first):
    command = ("data=digits", *SMALL[2:], *more)
    told = workplace.train(*command)
    assert f"{jobs} jobs: {jobs} trained" in told.stderr

    def forget(*names: str) -> None:
        for name in names:
            shutil.rmtree(workplace.folder / name)

    forget("sweep", "results")
    plan = workplace.train(*command, "dry_run=true")
    assert f"{first} to reuse, 0 to resume, 0 to train" in plan.stdout, plan.stderr
    forget("results")
    for _ in range(2):
        again = workplace.train(*command)
        assert f"{jobs} jobs: {jobs} reused" in again.stderr
        forget("sweep", "results/imported")  # but not the index


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(workplace):
    gate = workplace.folder / "go on"
    search = (*SMALL, "-m", "model.width=20,30", "seed=range(2)", SPACE, "tune.budget=7",
              "tune.sampler=tpe", "tune.untuned=false", *held(gate, batches=1, free=6))  # fmt: skip
    process = workplace.start(*search)
    folder = workplace.folder / "sweep"

    def finished() -> int:
        return sum(job.status == "FINISHED" for job in SweepJournals(Journal(folder)).records())

    until(lambda: finished() >= 4, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert finished() < 14
    gate.touch()
    told = workplace.train(*search, f"hydra.sweep.dir={workplace.folder}/rest")
    assert told.returncode == 0, told.stderr
    assert " reused" in told.stderr.splitlines()[-1]
    whole = workplace.train(*search, "reuse=false", f"hydra.sweep.dir={workplace.folder}/whole")
    assert whole.returncode == 0, whole.stderr
    rest, expected = (proposals(workplace.folder / name) for name in ("rest", "whole"))
    assert len(expected) == 14
    assert rest == expected


def test_seeds_are_added_until_all_is_decided_or_looked_at(workplace):
    told = workplace.train(
        *SMALL, "-m", "activation=relu", "batch_size=32,33", "seed=auto", "compare.looks=[6,7,8]"
    )
    assert told.returncode == 0, told.stderr
    looks = [e for e in Journal(workplace.folder / "sweep").events() if e["event"] == "look"]
    sizes = [max(len(seeds) for seeds in look["variants"].values()) for look in looks]
    jobs = records(workplace.folder / "sweep")
    assert sizes == sorted(sizes)
    assert sizes[0] == 6
    is_decided = all(verdict != "undecided" for verdict in looks[-1]["verdicts"].values())
    assert is_decided or sizes[-1] == 8
    assert len(jobs) == 2 * sizes[-1]


def test_a_sweep_that_grows_by_hand_knows_its_earlier_looks(workplace):
    grown = (*SMALL, "-m", "activation=relu", "batch_size=32,33")
    first = workplace.train(*grown, "seed=range(6)")
    assert "Looked at before" not in first.stdout
    again = workplace.train(*grown, "seed=range(6)", f"hydra.sweep.dir={workplace.folder}/again")
    assert "12 reused" in again.stderr
    assert "Looked at before" not in again.stdout  # at the same seeds: it saw the same
    grew = workplace.train(*grown, "seed=range(8)", f"hydra.sweep.dir={workplace.folder}/grown")
    assert "12 reused, 4 trained" in grew.stderr
    assert "Looked at before with 6 seeds, which was not declared" in " ".join(grew.stdout.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tune.space={}", "tune.space={}: must name a setting"),
        ("tune.space={optimizer.lr: log(1, 0.1)}", "the lower one first"),
        ("tune.space={activation: choice(relu, tanh)}", "tune.space.activation: must not be swept"),
        ("tune.space={optimizer.betas: choice(1, 2)}", "activation=sigmoid lacks it"),
        ("tune.space={optimizer.momentum: uniform(0, 1)}", "optimizer.momentum=1.0: must be a"),
        ("compare.looks=[8,8]", "compare.looks=[8, 8]: must be numbers of seeds that increase"),
        ("compare.looks=[5,8]", "compare.looks=[5, 8]: must be numbers of seeds that increase"),
        ("seed=auto", "seed=auto: must go with one compare.looks for all jobs, such as "),
    ],
)
def test_what_cannot_be_is_told_in_one_line_before_anything_is_trained(workplace, typed, said):
    told = workplace.train(*SMALL, *ARMS, "seed=range(6)", typed)
    assert told.returncode == 1
    assert said in told.stderr
    assert told.stderr.count("\n") == 1
    assert not (workplace.folder / "sweep").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("tune.budget=1",), "tune.budget=1: must be an integer from 2 to 10000"),
        (("tune.seeds=[3,9]",), "tune.seeds=[3, 9]: must be disjoint from the reporting seeds"),
        (("hydra/sweeper=basic",), "tune.space: must go with hydra/sweeper=fair"),
    ],
)
def test_a_search_that_cannot_be_is_told_in_one_line(workplace, typed, said):
    told = workplace.train(*SMALL, *ARMS, "seed=range(6)", SPACE, *typed)
    assert told.returncode == 1
    assert said in told.stderr
    assert told.stderr.count("\n") == 1
