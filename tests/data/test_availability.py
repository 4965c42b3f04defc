"""Runs without their data: a fallback, told once, or a refusal."""

import gzip

import pytest

from src.data.availability import ensure_data
from src.errors import InputError
from tests.data.idx import TEST_LABELS, put

pytestmark = pytest.mark.usefixtures("no_network")


def data(config, *overrides):
    return config(*overrides).nested["data"]


def test_without_mnist_a_sweep_warns_once_and_falls_back(config, capsys, tmp_path):
    jobs = [data(config, f"data.root={tmp_path}", f"seed={seed}") for seed in range(3)]
    assert ensure_data(jobs)
    warning = capsys.readouterr().err
    assert warning.count("WARNING") == 1
    raw = tmp_path / "MNIST" / "raw"
    assert f"data.root={tmp_path}: mnist lacks its files in {raw}, and no mirror can be" in warning
    assert "Training on mnist_5k" in warning


def test_a_job_that_fell_back_trains_on_the_5k_and_says_so(config):
    asked = ("data.target=high_digit", "data.split_seed=7", "data.n=10000")
    assert config(*asked).choices["data"] == "mnist"
    fallen = config(*asked, "sweep.fallback=true")
    assert fallen.choices["data"] == fallen.flat["data"] == "mnist_5k"
    assert fallen.nested["data"] == {
        "_target_": "src.data.mnist_5k.load",
        "n": None,
        "target": "high_digit",
        "val_fraction": 0.25,
        "split_seed": 7,
    }


def test_without_mnist_and_without_fallback_a_run_is_refused(config, tmp_path):
    missing = data(config, f"data.root={tmp_path}", "data.fallback=null")
    with pytest.raises(InputError, match=r"be reached; put the files of mnist into .*/raw$"):
        ensure_data([missing])


def test_a_file_that_is_missing_is_named_before_a_fallback(config, capsys, tmp_path, small):
    raw = put(small, "mnist", tmp_path)
    (raw / TEST_LABELS).unlink()
    assert ensure_data([data(config, f"data.root={tmp_path}")])
    assert f"mnist lacks {TEST_LABELS} in {raw}, and no mirror" in capsys.readouterr().err
    (raw / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(small[TEST_LABELS])[:20])
    assert ensure_data([data(config, f"data.root={tmp_path}")])
    told = f"mnist lacks {TEST_LABELS} (whose .gz cannot be unpacked) in {raw}"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("root", ["MNIST", "MNIST/raw", "FashionMNIST", "."])
def test_files_one_level_off_are_pointed_at_before_a_fallback(
    root, config, capsys, tmp_path, small
):
    raw = put(small, "mnist", tmp_path / ("data" if root == "." else ""))
    wanted = tmp_path / root
    assert ensure_data([data(config, f"data.root={wanted}")])
    warning = capsys.readouterr().err
    assert f"mnist lacks its files in {wanted}/MNIST/raw (there are some in {raw})" in warning


def test_a_single_job_without_fallback_refuses_for_all(config, tmp_path):
    jobs = [
        data(config, f"data.root={tmp_path}"),
        data(config, f"data.root={tmp_path}", "data.fallback=null"),
    ]
    with pytest.raises(InputError, match="no mirror can be reached"):
        ensure_data(jobs)


def test_data_that_comes_with_the_project_needs_no_network(config):
    assert not ensure_data([data(config, "data=mnist_5k")])


def test_data_bring_their_own_check_and_fallback(config, capsys):
    mine = data(config, "data=mnist_5k") | {
        "check": f"{__name__}.unavailable",
        "fallback": "digits",
    }
    assert ensure_data([mine, mine | {"split_seed": 7}])
    warning = " ".join(capsys.readouterr().err.split())
    assert warning == "WARNING: data.n=None: the disk is away. Training on digits instead."


def unavailable(config):
    """A check of data that are not to be had."""
    return f"data.n={config['n']}: the disk is away"


@pytest.mark.parametrize("name", ["nowhere.check", "src.data.download.nothing", "check"])
def test_a_check_that_is_no_function_is_named(name, config):
    with pytest.raises(InputError, match=f"^data.check={name}: must name a function that returns"):
        ensure_data([data(config, "data=mnist_5k") | {"check": name}])


def fail(data):
    raise SystemExit("no disk")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("fail", "it raised SystemExit: no disk"),
        ("gone", "it raised AttributeError: .*gone"),
        ("bool", "it returned True"),  # which is no reason
    ],
)
def test_a_check_that_is_none_is_told(check, said):
    name = f"builtins.{check}" if check == "bool" else f"{__name__}.{check}"
    asked = rf"data\.check={name}: must name a function that returns why the data lack, or None; "
    with pytest.raises(InputError, match=f"^{asked}{said}"):
        ensure_data([{"check": name, "fallback": "digits"}])
