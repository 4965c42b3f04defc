"""The resolved config: what is recorded, what makes two jobs the same, what is never told."""

import shutil

import pytest

from src import ROOT
from src import config as module
from src.errors import InputError

CELEBRATED = {"seed": "0", "model": "mlp", "activation": "relu", "optimizer.lr": "0.05"}


def fingerprint(resolved, digest="d", threads=2, device="cpu") -> str:
    return resolved.fingerprint(digest, threads, device)


def test_flat_holds_dotted_keys_as_text_and_the_choice_of_every_group(config):
    flat = config("model.depth=3", "seed=7").flat
    assert {key: flat[key] for key in [*CELEBRATED, "model.depth"]} == CELEBRATED | {
        "seed": "7"
    } | {"model.depth": "3"}
    groups = ("data", "model", "activation", "init", "loss", "optimizer", "schedule", "device")
    chosen = config("optimizer=adam", "schedule=cosine", "loss=mse", "device=cpu").choices
    assert [chosen[group] for group in groups] == [
        *("mnist", "mlp", "relu", "matched", "mse", "adam", "cosine", "cpu")
    ]
    assert all(isinstance(value, str) for value in flat.values())
    assert list(flat) == sorted(flat)


def test_flat_leaves_aside_what_does_not_train(config):
    keys = config("figures=false").flat
    aside = ("tracking", "sweep", "figures", "reuse", "dry_run", "checkpoints", "compare")
    assert not [key for key in keys if key.partition(".")[0] in aside]


def test_an_activation_stands_in_one_place_of_a_record(config):
    flat = config("activation=leaky_relu").flat
    assert [key for key in flat if "negative_slope" in key] == ["activation.negative_slope"]


def test_softmax_is_the_same_variant_whatever_the_activation(config):
    one, other = (config("model=softmax", f"activation={a}") for a in ("relu", "sigmoid"))
    assert one.flat == other.flat
    assert one.variant == other.variant
    assert fingerprint(one) == fingerprint(other)
    assert "activation" not in one.choices
    assert config("activation=relu").flat != config("activation=sigmoid").flat


def test_a_variant_is_a_config_without_its_seed(config):
    variants = {config(f"seed={seed}").variant for seed in range(3)}
    variants.add(config("seed=1", "data.split_seed=9").variant)
    assert len(variants) == 1
    assert config("optimizer.lr=0.1").variant not in variants
    assert config("activation=tanh").variant not in variants


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1"],
        ["optimizer.lr=0.1"],
        ["epochs=11"],
        ["batch_size=65"],
        ["data.n=100"],
        ["data.split_seed=5"],
        ["model.width=201"],
        ["activation=tanh"],
        ["init=he_uniform"],
        ["loss=mse"],
        ["schedule=cosine"],
        ["clip_norm=1"],
        ["patience=3"],
    ],
    ids=lambda value: value[0],
)
def test_what_decides_the_weights_changes_the_fingerprint(overrides, config):
    assert fingerprint(config(*overrides)) != fingerprint(config())


@pytest.mark.parametrize("changed", [{"digest": "e"}, {"threads": 1}, {"device": "cuda"}])
def test_data_threads_and_device_change_the_fingerprint(changed, config):
    assert fingerprint(config(), **changed) != fingerprint(config())


@pytest.mark.parametrize(
    "overrides",
    [
        ["figures=false"],
        ["tracking.uri=http://example.org"],
        ["tracking.experiment=other"],
        ["data.root=elsewhere"],
        ["data.fallback=null"],
        ["reuse=false"],
        ["checkpoints=elsewhere"],
        ["compare.margin=1"],
        ["sweep.id=abc"],
        ["threads=2"],  # the number that was used is told apart, not the one asked for
    ],
    ids=lambda value: value[0],
)
def test_what_decides_nothing_does_not_change_the_fingerprint(overrides, config):
    assert fingerprint(config(*overrides)) == fingerprint(config())


def test_a_device_is_the_same_whether_found_or_asked_for(config):
    assert fingerprint(config("device=cpu")) == fingerprint(config("device=auto"))


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """A copy of src whose files may be changed, and how to have them looked at anew."""

    def look_again() -> None:
        module.sources.of_training.cache_clear()
        module.sources.of_target.cache_clear()

    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module.sources, "ROOT", tmp_path)
    look_again()
    yield tmp_path, look_again
    look_again()


@pytest.mark.parametrize(
    ("file", "decides"),
    [
        ("training/fit.py", True),
        ("training/selection.py", True),
        ("training/diagnostics.py", True),
        ("metrics.py", True),
        ("streams.py", True),
        ("data/splits.py", True),
        ("data/mnist.py", True),
        ("data/download.py", True),
        ("data/text.py", False),
        ("models/mlp.py", True),
        ("models/init.py", True),
        ("models/loss.py", False),
        ("models/of_another_job.py", False),
        ("errors.py", False),
        ("figures.py", False),
        ("job.py", False),
    ],
)
def test_the_fingerprint_knows_the_code_that_trains(file, decides, config, sources):
    folder, look_again = sources
    resolved = config()
    before = fingerprint(resolved)
    with (folder / "src" / file).open("a") as source:
        source.write("# changed\n")
    look_again()
    assert (fingerprint(resolved) != before) == decides


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        ("own_activations.Sharp", "own_activations.py"),
        ("own_package.Sharp", "own_package/inner/sharp.py"),
        ("src.own_part.Sharp", "src/own_part.py"),
    ],
)
def test_the_fingerprint_knows_a_users_own_module(target, changed, config, sources, monkeypatch):
    folder, look_again = sources
    for file in ("own_package/__init__.py", changed):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("from torch.nn import ReLU as Sharp\n")
    monkeypatch.syspath_prepend(folder)
    resolved = config(f"activation._target_={target}")
    before = fingerprint(resolved)
    (folder / changed).write_text("from torch.nn import ELU as Sharp\n")
    look_again()
    assert fingerprint(resolved) != before


@pytest.mark.parametrize(
    "uri", ["http://user:pw@host:5000", "postgresql://user:pw@host/db", "https://token@host"]
)
def test_credentials_are_in_no_record(uri, config):
    resolved = config(f"tracking.uri={uri}")
    told = resolved.yaml + str(resolved.flat) + resolved.variant
    for secret in ("user", "pw", "token"):
        assert secret not in told
    assert "host" in resolved.yaml


def test_a_name_says_what_is_asked_and_not_where_it_lies():
    typed = ["seed=1", "++tracking.uri=postgresql://user:pw@host/db", "+data.root=/home/user"]
    typed += ["~compare.question", "+model.depth=2", "+data.rooted=1", "data.train=a.csv"]
    assert module.asked(typed) == ["seed=1", "+model.depth=2", "+data.rooted=1"]


def test_the_document_can_be_read_back(config):
    from omegaconf import OmegaConf

    resolved = config("model=cnn", "seed=3")
    assert OmegaConf.to_container(OmegaConf.create(resolved.yaml)) == resolved.tree


def test_an_interpolation_that_leads_nowhere_is_told_in_one_line(config):
    with pytest.raises(InputError, match=r"^data.n: .*nowhere") as refused:
        config("data.n=${nowhere}")
    assert "\n" not in str(refused.value)


def test_settings_of_tools_are_the_defaults_with_overrides():
    tree = module.settings(["tracking.experiment=mine", "compare.margin=0.5"])
    assert tree["tracking"]["experiment"] == "mine"
    assert tree["tracking"]["uri"] == f"sqlite:///{ROOT}/outputs/mlflow.db"
    assert tree["compare"]["margin"] == 0.5


@pytest.mark.parametrize("override", ["seed=3", "tracking.url=x", "compare.margin=-1", "compare=3"])
def test_settings_of_tools_refuse_what_they_do_not_have(override):
    with pytest.raises(InputError) as refused:
        module.settings([override])
    assert "\n" not in str(refused.value)


def test_places_start_at_the_repository_wherever_the_user_stands(config, monkeypatch, tmp_path):
    here = config().tree
    monkeypatch.chdir(tmp_path)
    assert config().tree == here
    assert here["tracking"]["uri"] == f"sqlite:///{ROOT}/outputs/mlflow.db"


def test_a_fallback_is_not_held_against_what_others_published(config):
    recipe = ("recipe=relu", "data=mnist", "data.n=null")
    assert config(*recipe).tree["published"] == {"train_error": 0.0068, "val_error": 0.0370}
    fallen = config(*recipe, "sweep.fallback=true")
    assert fallen.tree["data"]["_target_"] == "src.data.mnist_5k.load"
    assert fallen.tree["published"] is None
