"""Factors are found in the configs, not declared."""

import math

from src.compare.criterion import TEST, VALIDATION
from src.compare.variants import find_confounds, find_variants
from tests.compare.records import make_run

RELU = {"activation": "relu", "activation._target_": "torch.nn.ReLU"}
SIGMOID = {"activation": "sigmoid", "activation._target_": "torch.nn.Sigmoid"}
MLP = {"model": "mlp", "model._target_": "src.models.MLP"}


def labels(*configs):
    return [v.label for v in find_variants([make_run(config, 0, [0.1]) for config in configs])]


def test_a_groups_choice_names_the_variant_and_its_fields_do_not():
    assert labels(MLP | SIGMOID, MLP | RELU) == ["activation=sigmoid", "activation=relu"]


def test_a_field_that_varies_within_one_choice_is_a_factor():
    configs = [MLP | a | {"model.depth": d} for a in (SIGMOID, RELU) for d in "12"]
    assert labels(*configs) == [
        "activation=sigmoid depth=1",
        "activation=sigmoid depth=2",
        "activation=relu depth=1",
        "activation=relu depth=2",
    ]


def test_factors_whose_last_components_agree_keep_their_whole_names():
    configs = [{"optimizer.lr": o, "schedule.lr": s} for o in "12" for s in "12"]
    assert labels(*configs)[1] == "optimizer.lr=1 schedule.lr=2"


def test_a_group_that_one_model_lacks_is_left_out_of_its_label():
    softmax = {"model": "softmax", "model._target_": "src.models.Softmax"}
    assert labels(softmax, MLP | SIGMOID, MLP | RELU) == [
        "model=softmax",
        "model=mlp activation=sigmoid",
        "model=mlp activation=relu",
    ]


def test_a_run_that_could_not_begin_and_knows_no_device_is_of_its_variant():
    runs = [make_run({**arm, "device.type": "cpu"}, 0, [0.1]) for arm in (SIGMOID, RELU)]
    unbegun = make_run(RELU, 1, [], status="FAILED", digest="")
    sigmoid, relu = find_variants([*runs, unbegun])
    assert (sigmoid.label, relu.label) == ("activation=sigmoid", "activation=relu")
    assert (relu.n, relu.failed) == (1, 1)
    assert find_variants([runs[0], make_run(SIGMOID, 1, [], digest="")])[0].label == "all runs"


def test_identical_configs_are_one_variant_with_a_run_for_each_seed():
    (variant,) = find_variants([make_run(MLP, seed, [0.1]) for seed in (2, 0, 1)])
    assert variant.label == "model=mlp"
    assert [run.seed for run in variant.runs] == [0, 1, 2]


def test_a_key_that_follows_the_seed_is_no_part_of_a_variant():
    runs = [
        make_run(a | {"data.split_seed": str(seed + 100)}, seed, [0.1])
        for a in (SIGMOID, RELU)
        for seed in range(3)
    ]
    assert [v.label for v in find_variants(runs)] == ["activation=sigmoid", "activation=relu"]


def test_a_key_that_equals_the_seed_is_none_even_where_no_seed_ran_twice():
    runs = [make_run(MLP | {"data.split_seed": str(seed)}, seed, [0.1]) for seed in range(3)]
    assert len(find_variants(runs)) == 1


def test_a_factor_that_happens_to_change_with_the_seed_stays_a_factor():
    runs = [make_run({"lr": "0.1"}, 1, [0.1]), make_run({"lr": "0.2"}, 2, [0.1])]
    assert [v.label for v in find_variants(runs)] == ["lr=0.1", "lr=0.2"]


def test_a_finished_run_replaces_an_unfinished_one_of_its_seed_and_the_first_stays():
    runs = [
        make_run(MLP, 0, [0.5], run_id="killed", status="KILLED"),
        make_run(MLP, 0, [0.1], run_id="finished"),
        make_run(MLP, 0, [0.2], run_id="again"),
    ]
    (variant,) = find_variants(runs)
    assert [run.run_id for run in variant.runs] == ["finished"]


def test_a_diverged_run_counts_as_no_better_than_a_guess_and_a_failed_one_has_no_value():
    runs = [
        make_run(MLP, 0, [0.2, 0.1]),
        make_run(MLP, 1, [0.3]),
        make_run(MLP, 2, [0.2], outcome="diverged"),
        make_run(MLP, 3, [0.95, math.nan], outcome="", chance=0.5),
        make_run(MLP, 4, [0.9], status="FAILED", outcome=""),
        make_run(MLP, 5, [], status="RUNNING", outcome=""),
    ]
    (variant,) = find_variants(runs)
    assert (variant.diverged, variant.failed) == (2, 2)
    assert variant.values(VALIDATION) == {0: 0.1, 1: 0.3, 2: 0.9, 3: 0.95}
    assert variant.values(TEST) == {0: 0.101, 1: 0.301, 2: 0.9, 3: 0.95}
    assert variant.n == 4


def test_what_differs_beside_the_factors_is_named():
    configs = [SIGMOID | {"optimizer.lr": "0.1", "loss": "mse"}, RELU | {"optimizer.lr": "0.2"}]
    variants = find_variants([make_run(config, 0, [0.1]) for config in configs])
    assert [v.label for v in variants] == ["activation=sigmoid", "activation=relu"]
    assert find_confounds(variants) == {"optimizer.lr": ["0.1", "0.2"]}


def test_the_choice_of_a_group_names_a_variant_before_a_number_that_goes_with_it():
    assert labels({"epochs": "30"} | RELU, {"epochs": "40"} | SIGMOID) == [
        "activation=relu",
        "activation=sigmoid",
    ]


def test_a_field_settled_by_the_choice_of_its_own_group_is_no_confound():
    sgd = {"optimizer": "sgd", "optimizer.weight_decay": "0"}
    adam = {"optimizer": "adam", "optimizer.weight_decay": "0.01"}
    assert not find_confounds(find_variants([make_run(c, 0, [0.1]) for c in (sgd, adam)]))


def test_what_was_swept_names_the_variants_before_what_it_brings_along():
    runs = [
        make_run({"recipe": recipe, "init": init, "init.gain": init}, 0, [0.1], name=name)
        for recipe, init in (("a", "he"), ("b", "glorot"))
        for name in (f"recipe={recipe} seed=0",)
    ]
    assert [variant.label for variant in find_variants(runs)] == ["recipe=a", "recipe=b"]
