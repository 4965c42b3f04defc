"""Every scalar of the config: what it refuses, and that it says so in full."""

from functools import reduce

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.config.schema import SCHEMA, check, check_targets, leaves
from src.errors import InputError

PARSER = OverridesParser.create()
CNN, ADAM, TEXT = "model=cnn", "optimizer=adam", ("data=pixel_rows", "data.train=rows.csv")

REFUSED = [
    (["seed=abc"], "an integer from 0 to 4294967295"),
    (["seed=-1"], "an integer from 0 to 4294967295"),
    (["seed=1.5"], "an integer from 0 to 4294967295"),
    (["seed=4294967296"], "an integer from 0 to 4294967295"),
    (["seed=true"], "an integer from 0 to 4294967295"),
    (["seed=null"], "an integer from 0 to 4294967295"),
    (["epochs=0"], "an integer of at least 1"),
    (["epochs=ten"], "an integer of at least 1"),
    (["batch_size=-1"], "an integer of at least 1"),
    (["batch_size=0"], "an integer of at least 1"),
    (["batch_size=64.0"], "an integer of at least 1"),
    (["clip_norm=0"], "a number above 0, or null"),
    (["clip_norm=-1.0"], "a number above 0, or null"),
    (["clip_norm=inf"], "a number above 0, or null"),
    (["patience=0"], "an integer of at least 1, or null"),
    (["patience=-3"], "an integer of at least 1, or null"),
    (["stop_after=0"], "an integer of at least 1, or null"),
    (["epochs=4", "stop_after=5"], "at most epochs=4"),
    (["threads=0"], "auto or an integer from 1 to 1024"),
    (["threads=many"], "auto or an integer from 1 to 1024"),
    (["threads=100000"], "auto or an integer from 1 to 1024"),
    (["epochs=99999999999999999999"], "an integer of at least 1"),
    (["schedule=cosine", "schedule.T_max=0"], "an integer of at least 1"),
    (["threads=true"], "auto or an integer from 1 to 1024"),
    (["diagnostics=1"], "true or false"),
    (["figures=maybe"], "true or false"),
    (["tune.budget=10001"], "an integer from 2 to 10000"),
    (["tune.seeds=10001"], "how many, an integer from 1 to 10000, or a list"),
    (
        ["compare.looks=[8, 10001]"],
        "numbers of seeds that increase from 6 or more on, at most to 10000",
    ),
    (["compare.looks=[5, 8]"], "numbers of seeds that increase from 6"),
    (["data.n=1"], "an integer of at least 2, or null"),
    (["data.n=all"], "an integer of at least 2, or null"),
    (["data.val_fraction=1.5"], "a number above 0 and below 1"),
    (["data.val_fraction=1.0"], "a number above 0 and below 1"),
    (["data.val_fraction=0"], "a number above 0 and below 1"),
    (["data.val_fraction=nan"], "a number above 0 and below 1"),
    (["data.split_seed=x"], "an integer from 0 to 4294967295"),
    (["data.fallback=foo"], "one of cifar10, digits"),
    (["data=images", "data.train=here", "data.size=[28]"], "a list of height and width"),
    (["data=images", "data.train=here", "data.colour=red"], "one of grey, rgb"),
    (["model.norm=group"], "one of none, batch, layer"),
    (["model.dropout=1"], "a number of at least 0 and below 1"),
    ([CNN, "model.dropout=-0.1"], "a number of at least 0 and below 1"),
    (["model=resnet", "model.blocks=0"], "an integer of at least 1"),
    (["precision=float16"], "one of float32, bf16"),
    (["select_by=''"], "text, not empty"),
    (["metrics=[ece]", "metrics.ece.direction=up"], "one of minimize, maximize"),
    (["metrics=[ece]", "metrics.ece.unit=points"], "one of percent, none"),
    (["metrics=[ece]", "metrics.ece.function=3"], "a mapping with `_target_`"),
    (["augment=shift", "augment.pixels=1.5"], "an integer of at least 0"),
    (["augment=affine", "augment.degrees=-1"], "a number of at least 0"),
    (["loss=label_smoothing", "loss.label_smoothing=1"], "a number of at least 0 and below 1"),
    (["optimizer.decay_all=no way"], "true or false"),
    (["schedule.interval=batch"], "one of epoch, update"),
    (["schedule=warmup_cosine", "schedule.warmup=1"], "a number of at least 0 and below 1"),
    (["data.root=''"], "text, not empty"),
    (["model.depth=-1"], "an integer of at least 0"),
    (["model.depth=1.0"], "an integer of at least 0"),
    (["model.width=0"], "an integer of at least 1"),
    ([CNN, "model.channels=[]"], "a list of integers of at least 1"),
    ([CNN, "model.channels=16"], "a list of integers of at least 1"),
    ([CNN, "model.channels=[16,0]"], "a list of integers of at least 1"),
    ([CNN, "model.kernel_size=0"], "an integer of at least 1"),
    ([CNN, "model.pool=median"], "one of max, avg"),
    ([CNN, "model.hidden=0"], "an integer of at least 1"),
    (["activation=leaky_relu", "activation.negative_slope=-1"], "a number of at least 0"),
    (["activation=elu", "activation.alpha=0"], "a number above 0"),
    (["init=glorot_uniform", "init.gain=0"], "a number above 0"),
    (["optimizer.lr=nan"], "a number above 0"),
    (["optimizer.lr=inf"], "a number above 0"),
    (["optimizer.lr=0"], "a number above 0"),
    (["optimizer.lr=-0.1"], "a number above 0"),
    (["optimizer.lr=fast"], "a number above 0"),
    (["optimizer.momentum=1"], "a number of at least 0 and below 1"),
    (["optimizer.nesterov=often"], "true or false"),
    (["optimizer.weight_decay=-1e-4"], "a number of at least 0"),
    (["schedule=step", "schedule.step_size=0"], "an integer of at least 1"),
    (["schedule=step", "schedule.gamma=0"], "a number above 0"),
    (["schedule=cosine", "schedule.eta_min=-1"], "a number of at least 0"),
    (["device=cuda", "device.index=-1"], "an integer of at least 0"),
    (["tracking.uri=''"], "sqlite:///FILE, or the address of a server"),
    (["tracking.experiment=null"], "a name"),
    (["tracking.experiment=1.5"], "a name"),
    (["tracking.experiment=true"], "a name"),
    (["tracking.experiment=''"], "a name"),
    (["reuse=no way"], "true or false"),
    (["dry_run=2"], "true or false"),
    (["published=0.1"], "published.KEY=VALUE"),
    (["published.train_error=15"], "a number of at least 0 and below 1, or null"),
    (["compare.margin=-1"], "a number of at least 0"),
    (["compare.target_error=2"], "a number above 0 and below 1, or null"),
]


def _check(nested) -> None:
    check(nested)
    check_targets(nested, {})


@pytest.mark.parametrize(("overrides", "allowed"), REFUSED, ids=lambda value: str(value))
def test_a_refusal_names_the_key_the_value_and_what_is_allowed(overrides, allowed, config):
    *others, last = overrides
    key, _, value = last.partition("=")
    nested = config(*others).nested
    *above, leaf = key.split(".")
    reduce(dict.__getitem__, above, nested)[leaf] = PARSER.parse_override(last).value()
    with pytest.raises(InputError) as refused:
        _check(nested)
    text = str(refused.value)
    shown = {"''": "", "[16,0]": "[16, 0]", "[28]": "[28]", "-1e-4": "-0.0001"}
    assert text.startswith(f"{key}={shown.get(value, value)}: must be {allowed}")
    assert "\n" not in text


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=4294967295", "epochs=1", "batch_size=1", "threads=3"],
        ["clip_norm=1", "patience=1", "data.n=2", "data.val_fraction=0.999"],
        ["model.depth=0", "optimizer.lr=1e-9", "optimizer.momentum=0", "threads=auto"],
        [CNN, "model.channels=[1]", "model.pool=avg"],
        [ADAM, "optimizer.lr=1"],
        [*TEXT, "data.test=other.csv"],
        ["schedule=cosine", "schedule.eta_min=0"],
    ],
    ids=lambda value: " ".join(value),
)
def test_what_lies_at_the_edge_of_what_is_allowed_is_accepted(overrides, config):
    nested = dict(leaves(config(*overrides).nested))
    assert {o.partition("=")[0] for o in overrides} <= set(nested) | {
        "model",
        "optimizer",
        "data",
        "schedule",
    }


def test_a_key_that_must_be_given_is_named(config):
    with pytest.raises(InputError, match=r"^data.train: must be given$"):
        config("data=pixel_rows")


def test_an_added_key_is_unknown_and_the_known_ones_are_listed(config):
    with pytest.raises(InputError, match=r"^xyz: unknown; must be one of .*\bepochs\b"):
        config("+xyz=3")


@pytest.mark.parametrize(
    "key", ["compare.margn", "published.test_error", "tracking.url", "tune.spaces"]
)
def test_an_unknown_key_of_a_section_is_refused(key, config):
    with pytest.raises(InputError, match=rf"^{key}: unknown \(did you mean \w+\?\); must be "):
        config(f"+{key}=3")


@pytest.mark.parametrize("group", ["data", "loss", "model", "tracking", "compare", "sweep"])
def test_a_group_that_is_a_value_is_refused(group, config):
    nested = {**config().nested, group: 3}
    with pytest.raises(InputError, match=f"^{group}=3: must be .*{group}.*$"):
        check(nested)


@pytest.mark.parametrize("key", ["epochs", "optimizer.lr", "compare.margin", "model.depth"])
def test_a_mapping_is_no_value_of_a_key(key, config):
    nested = config().nested
    *above, leaf = key.split(".")
    reduce(dict.__getitem__, above, nested)[leaf] = {"a": 1}
    with pytest.raises(InputError, match=rf"^{key}={{'a': 1}}: must be an? (number|integer) "):
        check(nested)


def test_a_number_without_a_rule_of_its_own_is_finite_too(config):
    with pytest.raises(InputError, match=r"^optimizer.eps=nan: must be a finite number"):
        config("optimizer=adam", "+optimizer.eps=nan")


@pytest.mark.slow
def test_every_scalar_of_every_option_has_a_rule(config):
    free = {"_target_", "_partial_", "name", "kind", "betas", "factor", "total_iters"}
    free |= {"T_max", "max_lr", "total_steps", "updates", "size", "padding", "direction", "unit"}
    options = {
        "data": ["mnist", "mnist_5k", "fashion_mnist", "digits", "cifar10"],
        "normalize": ["none", "standard"],
        "augment": ["none", "shift", "affine"],
        "model": [*2 * ["mlp", "cnn", "resnet"], "mlp", "softmax"],  # the last has no activation
        "activation": ["sigmoid", "relu", "tanh", "gelu", "leaky_relu", "elu", "silu"],
        "init": ["default", "glorot_uniform", "he_uniform", "he_normal_fan_out", "matched"],
        "loss": ["cross_entropy", "mse", "label_smoothing"],
        "optimizer": ["sgd", "momentum", "adam", "adamw"],
        "schedule": ["constant", "step", "cosine", "one_cycle", "warmup_cosine"],
        "device": ["auto", "cpu", "cuda", "mps"],
    }
    for number in range(max(len(names) for names in options.values())):
        chosen = {group: names[number % len(names)] for group, names in options.items()}
        nested = config(*(f"{group}={name}" for group, name in chosen.items())).nested
        for group in set(options) & set(nested):
            for key, _ in leaves({group: nested[group]}):
                inherited = key.startswith(("model.activation.", "model.init."))
                assert inherited or key.rpartition(".")[2] in free or key in SCHEMA


def test_leaves_are_dotted_and_a_list_is_one_of_them():
    nested = {"a": {"b": {"c": 1}, "d": [1, 2]}, "e": None, "f": {}}
    assert leaves(nested) == [("a.b.c", 1), ("a.d", [1, 2]), ("e", None)]


def test_a_metric_without_all_of_its_keys_is_refused(config):
    with pytest.raises(InputError, match=r"^metrics.ece: must have the keys direction, unit, fun"):
        config("metrics=[ece]", "~metrics.ece.unit")


@pytest.mark.parametrize("name", ["loss", "error", "a/b"])
def test_a_metric_does_not_have_the_name_of_another_or_of_a_part(name, config):
    nested = config("metrics=[ece]").nested
    own = {**nested, "metrics": {name: nested["metrics"]["ece"]}}
    with pytest.raises(InputError, match=f"^metrics.{name}: must be a name without / other than"):
        check_targets(own, {})
