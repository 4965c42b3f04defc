"""The resolved config: what is recorded, what makes two jobs the same, what is never told."""

from dataclasses import replace

import pytest

from src.config import resolved as module
from src.config.resolved import Identity
from src.config.schema import NON_RESULT_KEYS, SEED_KEYS, experiment_overrides
from src.config.variant import factors
from src.errors import InputError
from src.folders import ROOT

CODE = {"src/training/fit.py": "a1", "torch": "2.15.0"}
CELEBRATED = {"seed": "0", "model": "mlp", "activation": "relu", "optimizer.lr": "0.05"}


def fingerprint(resolved, digest="d", threads=2, device="cpu", code=CODE) -> str:
    return resolved.identity(digest, threads, device, code).fingerprint


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
    assert one.variant() == other.variant()
    assert fingerprint(one) == fingerprint(other)
    assert "activation" not in one.choices
    assert config("activation=relu").flat != config("activation=sigmoid").flat


def test_a_job_that_trains_all_epochs_is_the_one_it_was_before_it_could_stop_earlier(config):
    whole = config()
    assert "stop_after" not in whole.flat
    assert fingerprint(config("stop_after=3")) != fingerprint(whole)
    assert config("stop_after=3").variant() != whole.variant()


def test_a_variant_is_a_config_without_its_seed(config):
    variants = {config(f"seed={seed}").variant() for seed in range(3)}
    assert len(variants) == 1
    assert config("optimizer.lr=0.1").variant() not in variants
    assert config("activation=tanh").variant() not in variants


@pytest.mark.parametrize("key", SEED_KEYS)
def test_a_seed_that_does_not_follow_the_seed_names_a_variant(key, config):
    of = {at: {config(f"seed={seed}", f"{key}={at}").variant() for seed in (1, 2)} for at in (1, 2)}
    assert [len(variants) for variants in of.values()] == [1, 1]
    assert len({config().variant()}.union(*of.values())) == 3
    assert config("seed=1", f"{key}=${{seed}}").variant() == config().variant()


TEXT = ("data=pixel_rows", "data.train=/here/rows.csv", "data.test=/here/test.csv")
MOVED = ("data=pixel_rows", "data.train=/there/rows.csv", "data.test=/there/test.csv")


def test_one_text_file_in_two_folders_is_one_variant_and_one_result(config):
    one, other = config(*TEXT), config(*MOVED)
    assert factors(one.flat) == factors(other.flat)
    assert one.variant() == other.variant()
    assert fingerprint(one) == fingerprint(other)


def test_two_text_files_are_two_variants(config):
    one, other = config(*TEXT), config(*TEXT, "data.train=/here/more.csv")
    assert one.variant() != other.variant()
    names = [factors(each.flat)["data.train"] for each in (one, other)]
    assert names == ["rows.csv", "more.csv"]


def test_two_text_files_of_one_name_are_two_variants_by_their_content(config):
    one = config(*TEXT)
    told_apart = [factors(one.flat, digest) for digest in ("content", "other content")]
    assert told_apart[0] != told_apart[1]
    assert len({one.variant(), one.variant("content"), one.variant("other content")}) == 3


def test_factors_are_the_same_of_a_config_and_of_what_a_run_has_stored(config):
    overrides = ("recipe=relu", "seed=3", "threads=2", "diagnostics=true", "data.root=/data")
    stored = dict(config(*overrides).flat)
    left_out = set(stored) - set(factors(stored))
    assert left_out == {
        *("seed", "threads", "diagnostics", "data.root", "data.fallback", "data.check"),
        *("published.train_error", "published.val_error"),
    }


@pytest.mark.parametrize("overrides", [["threads=2"], ["diagnostics=true"], ["data.root=/data"]])
def test_circumstances_make_no_variant(overrides, config):
    assert config(*overrides).variant() == config().variant()


def test_changes_since_an_earlier_job_are_named():
    earlier = Identity("c", "d", {"a.py": "1", "b.py": "1", "gone.py": "1", "torch": "2.15.0"})
    assert earlier.changes_since(earlier) == []
    later = Identity("c", "e", {"a.py": "1", "b.py": "2", "new.py": "1", "torch": "2.16.0"})
    assert later.changes_since(earlier) == ["data", "b.py", "gone.py", "new.py", "torch"]
    assert Identity("f", "d", earlier.code).changes_since(earlier) == ["config"]


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


@pytest.mark.parametrize(
    "changed",
    [
        {"digest": "e"},
        {"threads": 1},
        {"device": "cuda"},
        {"code": CODE | {"torch": "2.16.0"}},
        {"code": CODE | {"src/training/other.py": "a1"}},
    ],
    ids=str,
)
def test_data_threads_device_and_code_change_the_fingerprint(changed, config):
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
        ["published.val_error=0.1"],
        ["threads=2"],  # the number that was used is told apart, not the one asked for
    ],
    ids=lambda value: value[0],
)
def test_what_decides_nothing_does_not_change_the_fingerprint(overrides, config):
    assert fingerprint(config(*overrides)) == fingerprint(config())


def test_a_device_is_the_same_whether_found_or_asked_for(config):
    assert fingerprint(config("device=cpu")) == fingerprint(config("device=auto"))


@pytest.mark.parametrize(
    "uri", ["http://user:pw@host:5000", "postgresql://user:pw@host/db", "https://token@host"]
)
def test_credentials_are_in_no_record(uri, config):
    resolved = config(f"tracking.uri={uri}")
    told = resolved.yaml + str(resolved.flat) + resolved.variant()
    for secret in ("user", "pw", "token"):
        assert secret not in told
    assert "host" in resolved.yaml


TYPED = ["seed=1", "++tracking.uri=postgresql://user:pw@host/db", "+data.root=/home/user"]
TYPED += ["~compare.question", "+model.depth=2", "+data.rooted=1", "data.train=a.csv"]


def test_a_question_leaves_out_paths_and_what_decides_no_result():
    assert experiment_overrides(TYPED) == ["seed=1", "+model.depth=2", "+data.rooted=1"]


def test_jobs_that_differ_in_a_path_are_named_by_it():
    assert experiment_overrides(TYPED, NON_RESULT_KEYS) == [
        *("seed=1", "+data.root=/home/user", "+model.depth=2", "+data.rooted=1", "data.train=a.csv")
    ]


def test_the_document_can_be_read_back(config):
    from omegaconf import OmegaConf

    resolved = config("model=cnn", "seed=3")
    words = ["1e-3", ".5", "010", "0x1f", "1_000", "-.inf", "2026-11-26", "on", "null", "~", ""]
    words += ["a: b", " # c", "{d", "two\nlines", "é", "'", "*", "=", "1:30", "nan", "+1e5"]
    numbers = [1e-07, 3e22, -2, True, None, [], {}]
    nested = {**resolved.nested, "compare": {word: word for word in words}, "data": numbers}
    document = replace(resolved, nested=nested).yaml
    assert OmegaConf.to_container(OmegaConf.create(document)) == nested


def test_an_interpolation_that_leads_nowhere_is_told_in_one_line(config):
    with pytest.raises(InputError, match=r"^data.n: .*nowhere") as refused:
        config("data.n=${nowhere}")
    assert "\n" not in str(refused.value)


def test_settings_of_tools_are_the_defaults_with_overrides():
    nested = module.settings(["tracking.experiment=mine", "compare.margin=0.5"])
    assert nested["tracking"]["experiment"] == "mine"
    assert nested["tracking"]["uri"] == f"sqlite:///{ROOT}/outputs/mlflow.db"
    assert nested["compare"]["margin"] == 0.5


def test_targets_are_found_however_deep_and_by_whatever_name(config):
    model = {"_target_": "own.Net", "blocks": [{"_target_": "own.Block", "inner": {"depth": 1}}]}
    by_path = {"_target_": "hydra.utils.get_class", "path": "own.Sharp"}
    nested = {"model": model, "activation": by_path, "sweep": {"_target_": "not.instantiated"}}
    names = ["hydra.utils.get_class", "own.Block", "own.Net", "own.Sharp"]
    assert module.Resolved(nested, {}).targets == names
    assert set(config("model=cnn").targets) >= {"src.models.cnn.CNN", "torch.nn.ReLU"}


def test_a_number_is_an_experiments_name(config):
    assert config("tracking.experiment=2024").nested["tracking"]["experiment"] == "2024"
    assert module.settings(["tracking.experiment=2024"])["tracking"]["experiment"] == "2024"


def test_a_path_of_data_may_start_at_home(config, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config("data.root='~/data'").nested["data"]["root"] == f"{tmp_path}/data"
    rows = config("data=pixel_rows", "data.train='~/rows.csv'", "data.test='~other/~/x'").nested[
        "data"
    ]
    assert (rows["train"], rows["test"]) == (f"{tmp_path}/rows.csv", "~other/~/x")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed=3", "^seed: unknown; must be one of checkpoints, compare, results, tracking$"),
        ("tracking.url=x", r"^tracking.url: unknown \(did you mean uri\?\); must be one of "),
        ("compare.margin=-1", "^compare.margin=-1: must be a number"),
        ("compare=3", "^compare=3: must be compare.KEY=VALUE$"),
        ("compare=- a", "^compare=- a: must be compare.KEY=VALUE$"),
        ("tracking=[a]", r"^tracking=\[a\]: must be tracking.KEY=VALUE$"),
        ("compare=${nowhere}", "'nowhere' not found"),
        ("compare.margin.x=1", "^compare.margin={'x': 1}: must be a number"),
        ("compare.question=a: b", "^compare.question={'a': 'b'}: must be text"),
        ("compare.looks=[8", r"^compare.looks=\[8: cannot be read as KEY=VALUE: .*expected"),
        ("compare.margin=${", r"^compare.margin=\${: cannot be read as KEY=VALUE: "),
        ("compare.baseline=!!python/name:os.system", "^compare.b.*: cannot be read as KEY=VALUE: "),
        ("tracking.uri=\x01", "^tracking.uri=.: cannot be .*: (special|control) characters"),
        ("tracking.uri=${nowhere}", "^tracking.uri: .*'nowhere' not found$"),
        ("=3", "^'': unknown; must be one of "),
    ],
)
def test_settings_of_tools_refuse_what_they_do_not_have(override, line):
    with pytest.raises(InputError, match=line) as refused:
        module.settings([override])
    assert "\n" not in str(refused.value)


def test_places_start_at_the_repository_wherever_the_user_stands(config, monkeypatch, tmp_path):
    here = config().nested
    monkeypatch.chdir(tmp_path)
    assert config().nested == here
    assert here["tracking"]["uri"] == f"sqlite:///{ROOT}/outputs/mlflow.db"


def test_a_fallback_is_not_held_against_what_others_published(config):
    recipe = ("recipe=relu", "data=mnist", "data.n=null")
    assert config(*recipe).nested["published"] == {"train_error": 0.0068, "val_error": 0.0370}
    fallen = config(*recipe, "sweep.fallback=true")
    assert fallen.nested["data"]["_target_"] == "src.data.mnist_5k.load"
    assert fallen.nested["published"] == {"train_error": None, "val_error": None}


KEYS = ("checkpoints", "results", "tracking.uri", "tracking.artifacts", "data.root")


@pytest.mark.parametrize("key", KEYS)
def test_a_tilde_in_any_path_is_the_users_folder(key, config, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    start = "sqlite:///" if key == "tracking.uri" else ""
    nested = config(f'{key}="{start}~/x"').nested
    group, _, name = key.partition(".")
    assert (nested[group][name] if name else nested[key]) == f"{start}/home/me/x"


def test_the_environment_names_the_tracking_server_where_the_command_does_not(config, monkeypatch):
    default = f"sqlite:///{ROOT}/outputs/mlflow.db"
    for value, uri in (("http://host:5000", "http://host:5000"), ("", default), (None, default)):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", value or "")
        if value is None:
            monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert config().nested["tracking"]["uri"] == uri
        assert module.settings([])["tracking"]["uri"] == uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert config("tracking.uri=http://typed").nested["tracking"]["uri"] == "http://typed"
