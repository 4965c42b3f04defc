"""Configs made without a composition, against those that Hydra composes."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from src.config.hydra_internals import MAIN
from src.config.resolvers import register_resolvers
from src.config.shared_compositions import SharingLoader
from src.errors import InputError
from src.folders import ROOT
from src.sweep.compose import resolved
from src.sweep.variation import Original


@pytest.fixture(scope="module")
def compose():
    """The composed config of a job's overrides, and the overrides that set values."""
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):
        loader = SharingLoader(GlobalHydra.instance().config_loader(), is_proven=True)
        master = loader.load_configuration("config", [], RunMode.MULTIRUN)
        yield lambda *lines: (
            loader.load_sweep_config(master, list(lines)),
            loader.split(loader.parse(list(lines)))[1],
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["seed=1"], ["seed=2"]),  # data.split_seed refers to it
        (["seed=1", "data.split_seed=7"], ["seed=2", "data.split_seed=8"]),
        (["seed=1", "order_seed=${seed}"], ["seed=1", "order_seed=8"]),
        (["schedule=cosine", "epochs=3"], ["schedule=cosine", "epochs=5"]),
        (["model=softmax", "seed=1"], ["model=softmax", "seed=2"]),
        (["model=cnn", "model.channels=[8]"], ["model=cnn", "model.channels=[4,8]"]),
        (["optimizer.lr=0.1", "clip_norm=null"], ["optimizer.lr=1e-3", "clip_norm=2"]),
        (["compare.question=a"], ["compare.question='b c'"]),
        (["checkpoints='~/c'", "seed=1"], ["checkpoints='~/c'", "seed=2"]),
    ],
)
def test_another_job_is_as_if_it_had_been_composed(compose, first, second):
    (cfg, own), (expected, values) = compose(*first), compose(*second)
    varied = Original(resolved(cfg), cfg, own).vary(values)
    assert varied == resolved(expected)
    assert resolved(cfg) != varied


@pytest.mark.parametrize(
    "lines",
    [
        ["activation._target_=torch.nn.SiLU"],  # the model has a copy of the whole group
        ["compare={margin: 0.2}"],
        ["+optimizer.maximize=true"],
        ["checkpoints='~/here'"],
        ["tracking.experiment=2024"],
        ["compare.question=${seed}"],
        ["outputs=1"],  # no such key
    ],
)
def test_what_means_more_than_a_value_is_composed(compose, lines):
    cfg, _ = compose("seed=1")
    loader = GlobalHydra.instance().config_loader()
    _, values = SharingLoader(loader).split(SharingLoader(loader).parse(lines))
    assert Original(resolved(cfg), cfg, []).vary(values) is None


def test_a_wrong_value_is_refused(compose):
    (cfg, _), (_, values) = compose("batch_size=64"), compose("batch_size=0")
    with pytest.raises(InputError, match=r"^batch_size=0: must be an integer of at least 1"):
        Original(resolved(cfg), cfg, []).vary(values)
