"""Arms, their tuning seeds, and spaces that cannot be."""

import pytest

from src.errors import InputError
from src.sweep.arm import Arm, check_space, tuning_seeds

ARMS = {
    "optimizer=sgd": {"optimizer": {"lr": 0.1, "momentum": 0.9}, "data": {"n": 3}},
    "optimizer=adam": {"optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "seed": 0},
}
ARMS = {
    label: {"epochs": 5, "stop_after": None, "activation": {}} | nested
    for label, nested in ARMS.items()
}


def tune(space: dict[str, str], **others) -> dict:
    return {"space": space, "budget": 20, "sampler": "qmc", "halving": None} | others


def refusal(space: dict[str, str], **others) -> str:
    with pytest.raises(InputError) as refused:
        check_space(tune(space, **others), ["optimizer", "seed"], ARMS)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_tuning_seeds_are_no_reporting_seeds():
    assert tuning_seeds(3, range(10)) == [1_000, 1_001, 1_002]
    assert tuning_seeds(2, [5, 1_000, 1_002]) == [1_001, 1_003]
    assert tuning_seeds([7, 11], range(6)) == [7, 11]


def test_a_reporting_seed_to_tune_on_is_refused():
    with pytest.raises(InputError, match=r"tune\.seeds=\[7, 3\]: must be disjoint .*; 3 is one"):
        tuning_seeds([7, 3], range(6))


def test_a_space_that_every_arm_has_is_taken():
    (dimension,) = check_space(tune({"optimizer.lr": "log(0.01, 1)"}), ["optimizer"], ARMS)
    assert dimension.key == "optimizer.lr"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("optimizer", "must not be swept as well"),
        ("optimizer.momentum", "must be a setting of every variant; optimizer=adam lacks it"),
        ("optimizer.lrr", "every variant; optimizer=sgd lacks it (did you mean optimizer.lr?)"),
        ("lr", "optimizer=sgd lacks it (did you mean optimizer.lr?)"),
        ("seed", "must not be swept as well"),
        ("activation", "must be choice(…) of its options"),
        ("data.n", "must be a setting in which trials may differ"),
        ("data.split_seed", "must be a setting in which trials may differ"),
        ("compare.margin", "must be a setting in which trials may differ"),
        ("threads", "must be a setting in which trials may differ"),
    ],
)
def test_a_key_that_cannot_be_tuned_is_refused(key, words):
    said = refusal({key: "log(0.01, 1)"})
    assert said.startswith(f"tune.space.{key}")
    assert words in said


def test_epochs_are_tuned_or_halved():
    check_space(tune({"epochs": "int(1, 5)"}), [], ARMS)
    assert "tune.space.epochs" in refusal({"epochs": "int(1, 5)"}, halving=3)


@pytest.mark.parametrize(("halving", "budget"), [(6, 20), (5, 4)])
def test_halving_that_cuts_nothing_is_refused(halving, budget):
    said = refusal({"optimizer.lr": "log(0.01, 1)"}, halving=halving, budget=budget)
    assert said.startswith(f"tune.halving={halving}: must be at most the trials, {budget}, and the")
    check_space(tune({"optimizer.lr": "log(0.01, 1)"}, halving=5, budget=5), [], ARMS)


def test_halving_of_a_grid_counts_its_points_and_not_the_budget():
    of_four = tune({"optimizer.lr": "choice(1, 2, 3, 4)"}, sampler="grid", halving=4)
    check_space(of_four, [], ARMS)
    said = refusal({"optimizer.lr": "choice(1, 2, 3)"}, sampler="grid", halving=4)
    assert said.startswith("tune.halving=4: must be at most the trials, 3, and the epochs, 5")


def test_a_grid_without_room_is_refused():
    said = refusal({"optimizer.lr": "choice(1, 2, 3)"}, sampler="grid", budget=2)
    assert said.startswith("tune.budget=2: must have room for a grid")


def test_a_sampler_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr("src.sweep.arm.find_spec", {}.get)
    said = refusal({"optimizer.lr": "log(0.01, 1)"}, sampler="tpe")
    assert said.startswith("tune.sampler=tpe: must have Optuna")


def test_settings_count_before_what_was_typed():
    arm = Arm(
        "activation=relu", {"activation": "activation=relu", "optimizer.lr": "optimizer.lr=1"}
    )
    assert arm.job(3, {"optimizer.lr": "0.1"}) == ("activation=relu", "optimizer.lr=0.1", "seed=3")
    assert arm.job_name(3, {"optimizer.lr": "0.1"}) == "activation=relu optimizer.lr=0.1 seed=3"
