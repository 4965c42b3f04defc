"""The choice of a search, from trials whose errors a test decides."""

import math
from itertools import combinations

import pytest

from src.compare.columns import search_columns
from src.compare.tuned import Search, Trial
from src.config.search_space import parse

SPACE = parse({"lr": "log(0.01, 1)"})


def search(*trials: tuple[int, str, int, int, float]) -> Search:
    """A search of these trials: number, lr, seed, epochs (5 of a full one), error."""
    made = [
        Trial(number, {"lr": lr}, seed, epochs == 5, error)
        for number, lr, seed, epochs, error in trials
    ]
    return Search("a=1", SPACE, 3, tuple(made))


def test_the_lowest_mean_over_the_tuning_seeds_is_chosen():
    found = search(
        *((0, "0.01", seed, 5, error) for seed, error in enumerate([0.01, 0.09])),
        *((1, "0.1", seed, 5, error) for seed, error in enumerate([0.03, 0.04])),
        *((2, "1.0", seed, 5, error) for seed, error in enumerate([0.05, 0.02])),
    )
    assert found.errors == pytest.approx({0: 0.05, 1: 0.035, 2: 0.035})
    assert found.settings == {"lr": "0.1"}  # the first of equals
    assert found.best_error == pytest.approx(0.035)
    assert found.edges == []


def test_a_shorter_run_is_never_chosen():
    found = search((0, "0.01", 0, 1, 0.001), (1, "0.1", 0, 1, 0.03), (1, "0.1", 0, 5, 0.02))
    assert found.errors == {1: 0.02}
    assert found.edges == ["lr"]


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        (["0.01", "0.1", "0.5"], ["lr"]),
        (["0.1", "0.01", "0.5"], []),
        (["16", "64"], []),
        (["relu", "tanh", "gelu"], []),
        (["[16]", "[32]", "[64]"], []),
    ],
)
def test_a_choice_of_numbers_has_edges(values, edges):
    trials = tuple(Trial(n, {"lr": lr}, 0, True, 0.1 + n / 100) for n, lr in enumerate(values))
    space = parse({"lr": f"choice({', '.join(values)})"})
    assert Search("a=1", space, 3, trials).edges == edges


def test_a_cut_trial_counts_with_the_last_rung_that_it_reached():
    rungs = [(0, 1, 0.5), (0, 2, 0.3), (1, 1, 0.6), (2, 1, 0.4), (2, 2, 0.2), (2, 3, 0.1)]
    made = [Trial(n, {"lr": f"0.{n + 1}"}, 0, rung == 3, e, rung) for n, rung, e in rungs[::-1]]
    found = Search("a=1", SPACE, 3, tuple(made))
    assert found.cut == {0: 0.3, 1: 0.6}
    assert found.errors == {2: 0.1}
    (column,) = [each for each in search_columns() if each.heading == "trials"]
    assert column.text(found) == "3 of 3, 1 in full"


def test_a_trial_without_all_seeds_is_not_judged():
    found = search((0, "0.01", 0, 5, 0.001), (1, "0.1", 0, 5, 0.03), (1, "0.1", 1, 5, 0.03))
    assert found.chosen == 1


def test_a_search_without_trials_has_no_error():
    assert math.isnan(search().best_error)


def test_the_expected_best_is_the_mean_over_all_subsets_of_trials():
    errors = [0.05, 0.02, 0.09, 0.04]
    found = search(*((k, f"{0.01 * (k + 1)}", 0, 5, e) for k, e in enumerate(errors)))
    by_hand = [
        sum(map(min, combinations(errors, size))) / len([*combinations(errors, size)])
        for size in range(1, 5)
    ]
    assert found.expected_best == pytest.approx(by_hand)


def test_the_expected_best_under_halving_is_that_of_the_first_rung_which_all_trials_have():
    rungs = [(0, 1, 0.5), (1, 1, 0.6), (1, 2, 0.1), (2, 1, 0.4), (2, 2, 0.2)]
    made = [Trial(n, {"lr": f"0.{n + 1}"}, 0, rung == 2, e, rung) for n, rung, e in rungs]
    found = Search("a=1", SPACE, 3, tuple(made))
    assert found.expected_best == pytest.approx([0.5, (0.5 + 0.4 + 0.4) / 3, 0.4])
