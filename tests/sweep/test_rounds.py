"""Jobs that depend on results: their order, their numbers, and their end."""

import math
import random

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.config.search_space import parse
from src.sweep.arm import Arm
from src.sweep.growing import seeds_by_look
from src.sweep.rounds import Branch, Rounds
from src.sweep.tuning import ArmSearch, rungs, sampler

SPACE = parse({"lr": "log(0.01, 1)"})
BEST = {"a=1": 0.02, "a=2": 0.5}  # the learning rate that suits each


def branches(kind: str | None = "qmc") -> list[Branch]:
    made = []
    for label in BEST:
        search = ArmSearch(sampler(kind, SPACE, 6), [77], rungs(6, 4, None)) if kind else None
        made.append(Branch(Arm(label, {"a": label}), search))
    return made


def error(job) -> float:
    """The error of a job, by its overrides."""
    given = dict(line.split("=", 1) for line in job.overrides)
    return abs(math.log(float(given.get("lr", "0.1")) / BEST[f"a={given['a']}"]))


def run(rounds: Rounds, pick=lambda waiting: waiting[0], error=error) -> dict[int, tuple]:
    """Run all jobs one by one, in the order that `pick` likes; return their overrides."""
    waiting, done = rounds.next({}), {}
    while waiting:
        job = pick(waiting)
        waiting.remove(job)
        assert job.number not in done
        done[job.number] = job.overrides
        waiting += rounds.next({job.number: error(job)})
    return done


def settings(job: tuple[str, ...]) -> dict[str, str]:
    (tags,) = OverridesParser.create().parse_overrides([job[-1]])
    assert tags.key_or_group == "sweep.tags"
    return dict(line.split("=", 1) for line in job[:-1]) | tags.value()


@pytest.mark.parametrize("kind", ["qmc", "tpe", "grid"])
def test_each_arm_is_reported_at_the_settings_that_suit_it(kind):
    done = run(Rounds(branches(kind), [[0, 1]], list, with_untuned=True))
    jobs = [settings(job) for _, job in sorted(done.items())]
    reported = [job for job in jobs if job["role"] == "reported"]
    assert [(job["a"], job["seed"]) for job in reported] == [
        ("1", "0"), ("1", "1"), ("2", "0"), ("2", "1"),
    ]  # fmt: skip
    for arm, best in (("1", 0.02), ("2", 0.5)):
        tried = [float(job["lr"]) for job in jobs if job["role"] == "trial" and job["a"] == arm]
        nearest = min(tried, key=lambda lr: abs(math.log(lr / best)))
        assert {float(job["lr"]) for job in reported if job["a"] == arm} == {nearest}
    assert {job["seed"] for job in jobs if job["role"] == "trial"} == {"77"}
    assert all("lr" not in job for job in jobs if job["role"] == "untuned")


@pytest.mark.parametrize("kind", ["qmc", "tpe"])
@pytest.mark.parametrize("order", range(3))
def test_numbers_and_overrides_do_not_depend_on_time(kind, order):
    expected = run(Rounds(branches(kind), [[0, 1]], list, with_untuned=True))
    drawn = random.Random(order)
    assert run(Rounds(branches(kind), [[0, 1]], list, with_untuned=True), drawn.choice) == expected


def test_a_failed_or_diverged_trial_is_never_chosen():
    def broken(job) -> float:
        given = dict(line.split("=", 1) for line in job.overrides)
        return math.inf if float(given.get("lr", "0.1")) > 0.3 else error(job)

    done = run(Rounds(branches(), [[0]], list, with_untuned=False), error=broken)
    assert float(settings(done[1])["lr"]) < 0.3


def test_the_arms_take_turns():
    jobs = Rounds(branches(), [[0]], list, with_untuned=True).next({})
    assert [settings(job.overrides)["a"] for job in jobs] == ["1", "2"] * 7


def test_the_total_is_known_from_the_start():
    rounds = Rounds(branches(), [[0, 1]], list, with_untuned=True)
    total = rounds.total
    assert total == len(run(rounds)) == 2 * (6 + 2 + 2)


class TestLooks:
    def test_seeds_are_added_by_the_declared_looks(self):
        assert seeds_by_look([8, 12, 16], range(8)) == [
            [*range(8)], [*range(8, 12)], [*range(12, 16)],
        ]  # fmt: skip
        assert seeds_by_look([], [3, 5]) == [[3, 5]]

    def grown(self, answers: list[list[str]]) -> list[tuple[str, str]]:
        asked = iter(answers)
        rounds = Rounds(branches(None), [[0, 1], [2], [3]], lambda: next(asked), False)
        done = [settings(job) for job in run(rounds).values()]
        assert next(asked, None) is None
        return [(job["a"], job["seed"]) for job in done]

    FIRST = (("1", "0"), ("2", "0"), ("1", "1"), ("2", "1"))

    def test_undecided_arms_alone_get_more_seeds(self):
        assert self.grown([["a=1", "a=2"], ["a=2"]]) == [
            *self.FIRST, ("1", "2"), ("2", "2"), ("2", "3"),
        ]  # fmt: skip

    def test_a_decided_sweep_ends(self):
        assert self.grown([[]]) == [*self.FIRST]
