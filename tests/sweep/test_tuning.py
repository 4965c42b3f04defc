"""Searches: what is proposed, and that neither time nor a kill changes it."""

import random
from collections.abc import Callable

import pytest
from scipy.stats import qmc

from src.config.search_space import parse
from src.sweep.tuning import ArmSearch, Rung, Task, grid_points, rungs, sampler, sobol_points

LR = parse({"optimizer.lr": "log(0.001, 1)"})
PLANE = parse({"optimizer.lr": "log(0.001, 1)", "optimizer.momentum": "uniform(0, 0.99)"})


def error(settings: dict[str, str]) -> float:
    """A made-up response, lowest at a learning rate of 0.1."""
    return abs(float(settings["optimizer.lr"]) - 0.1)


def searched(kind: str, *, seeds=(7,), factor=None, budget=12, space=PLANE) -> ArmSearch:
    source = sampler(kind, space, budget)
    return ArmSearch(source, seeds, rungs(source.budget, 9, factor))


def run(search: ArmSearch, pick: Callable[[list[Task]], Task], stop: int | None = None) -> None:
    """Run a search on workers that end the waiting tasks in the order that `pick` likes."""
    waiting = search.next()
    while waiting and stop != len(search.results):
        task = pick(waiting)
        waiting.remove(task)
        noise = task.seed / 1_000 + task.rung / 10_000
        search.results[task] = error(search.settings[task.trial]) + noise
        waiting += search.next()


class TestProposals:
    def test_quasi_random_points_fill_the_space_more_evenly_than_random_ones(self):
        points = sobol_points(parse({"a": "uniform(0, 1)", "b": "uniform(0, 1)"}), 20)
        spread = qmc.discrepancy([[float(p["a"]), float(p["b"])] for p in points])
        drawn = random.Random(0)
        others = [[[drawn.random(), drawn.random()] for _ in points] for _ in range(20)]
        assert spread < min(qmc.discrepancy(sample) for sample in others)

    def test_a_larger_budget_goes_on_where_a_smaller_one_ended(self):
        assert sobol_points(PLANE, 20)[:5] == sobol_points(PLANE, 5)

    def test_a_grid_uses_the_budget_and_takes_every_choice(self):
        space = parse({"a": "uniform(0, 1)", "b": "log(0.01, 1)", "c": "choice(x, y)"})
        points = grid_points(space, 20)
        assert len(points) == 18  # 3 x 3 x 2; 4 x 4 x 2 would be more than 20
        assert {(p["a"], p["b"], p["c"]) for p in points} == {
            (a, b, c) for a in ("0.0", "0.5", "1.0") for b in ("0.01", "0.1", "1.0") for c in "xy"
        }

    @pytest.mark.parametrize(("text", "budget"), [("choice(x, y, z)", 2), ("log(0.1, 1)", 1)])
    def test_a_grid_without_room_has_no_points(self, text, budget):
        assert grid_points(parse({"a": text}), budget) == []

    def test_integers_that_a_grid_would_meet_twice_are_met_once(self):
        assert [p["a"] for p in grid_points(parse({"a": "int(1, 3)"}), 20)] == ["1", "2", "3"]

    def test_tpe_learns(self):
        search = searched("tpe", budget=40, space=LR)
        run(search, lambda waiting: waiting[0])
        errors = [error(settings) for settings in search.settings]
        assert sorted(errors[20:])[10] < sorted(errors[:10])[5]  # medians


@pytest.mark.parametrize("kind", ["qmc", "tpe", "grid"])
@pytest.mark.parametrize("factor", [None, 3])
class TestTimeDecidesNothing:
    def reference(self, kind, factor) -> ArmSearch:
        search = searched(kind, seeds=(7, 8), factor=factor)
        run(search, lambda waiting: waiting[0])
        return search

    @pytest.mark.parametrize("order", range(5))
    def test_the_order_in_which_results_come_changes_nothing(self, kind, factor, order):
        expected, search = self.reference(kind, factor), searched(kind, seeds=(7, 8), factor=factor)
        run(search, random.Random(order).choice)
        assert search.settings == expected.settings
        assert search.results == expected.results
        assert search.chosen == expected.chosen

    @pytest.mark.parametrize("killed_after", [1, 7, 13])
    def test_a_search_that_goes_on_after_a_kill_proposes_what_it_would_have(
        self, kind, factor, killed_after
    ):
        expected, killed = self.reference(kind, factor), searched(kind, seeds=(7, 8), factor=factor)
        run(killed, lambda waiting: waiting[-1], stop=killed_after)
        resumed = searched(kind, seeds=(7, 8), factor=factor)
        # What was done is reused at once, all else takes its time.
        run(resumed, lambda waiting: next((t for t in waiting if t in killed.results), waiting[-1]))
        assert resumed.settings == expected.settings
        assert resumed.results == expected.results


class TestHalving:
    @pytest.mark.parametrize(
        ("budget", "epochs", "factor", "expected"),
        [
            (20, 10, None, [(20, 10)]),
            (20, 10, 3, [(20, 1), (6, 3), (2, 10)]),
            (16, 8, 2, [(16, 1), (8, 2), (4, 4), (2, 8)]),
            (20, 2, 3, [(20, 2)]),
            (2, 27, 3, [(2, 27)]),
        ],
    )
    def test_rungs(self, budget, epochs, factor, expected):
        assert rungs(budget, epochs, factor) == [Rung(*each) for each in expected]

    def test_the_best_of_each_rung_go_on(self):
        search = searched("qmc", factor=3, budget=18)
        run(search, lambda waiting: waiting[0])
        by_error = sorted(range(18), key=lambda trial: error(search.settings[trial]))
        assert {t.trial for t in search.results if t.rung == 1} == {*by_error[:6]}
        assert {t.trial for t in search.results if t.rung == 2} == {*by_error[:2]}
        assert search.chosen == search.settings[by_error[0]]

    def test_a_rung_is_a_stop_of_the_whole_training(self):
        search = searched("qmc", factor=3, budget=18)
        search.next()
        stops = [search.settings_of(Task(0, rung, 0)).get("stop_after") for rung in range(3)]
        assert stops == ["1", "3", None]  # of 9 epochs

    def test_a_trial_goes_on_as_soon_as_no_other_can_take_its_place(self):
        search = ArmSearch(sampler("qmc", LR, 4), [0], [Rung(4, 1), Rung(2, 2)])
        search.next()
        search.results[Task(0, 0, 0)] = 0.1
        search.results[Task(1, 0, 0)] = 0.2
        assert search.next() == []  # both others may be better
        search.results[Task(2, 0, 0)] = 0.3
        assert search.next() == [Task(0, 1, 0)]
        search.results[Task(3, 0, 0)] = 0.15
        assert search.next() == [Task(3, 1, 0)]


def test_nothing_is_chosen_before_the_search_is_done():
    search = searched("qmc", seeds=(7, 8), budget=3)
    run(search, lambda waiting: waiting[0], stop=5)
    assert search.chosen is None


def test_every_task_has_a_place_of_its_own():
    search = searched("qmc", seeds=(7, 8), factor=3)
    run(search, lambda waiting: waiting[0])
    places = [search.place(task) for task in search.results]
    assert len({*places}) == len(places)
    assert max(places) < search.places
