"""Compositions that jobs share, against those that Hydra's own loader makes for each."""

import random

import pytest
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf, read_write

from src.config import hydra_internals
from src.config.hydra_internals import MAIN
from src.config.resolvers import register_resolvers
from src.config.shared_compositions import SharingLoader, share_compositions
from src.errors import InputError
from src.folders import ROOT
from src.sweep import multirun
from src.sweep.compose import job_overrides, question

JOBS = [
    ["seed=1"],
    ["seed=2", "optimizer.lr=0.3", "+optimizer.maximize=true"],
    ["seed=1", "activation=sigmoid"],
    ["optimizer.lr=0.3", "optimizer=adam"],
    ["model=cnn", "~schedule", "epochs=3"],
    ["recipe=sigmoid", "batch_size=7"],
    ["recipe=relu", "model.depth=2"],
    ["hydra.job.name=named", "seed=1"],
]
SHARED = [[], ["threads=1", "sweep.id=abc", "sweep.fallback=true"]]


@pytest.fixture
def loader():
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):
        yield GlobalHydra.instance().config_loader()


def master(loader, *overrides: str, shared=()):
    config = loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)
    config.hydra.overrides.hydra.extend(shared)
    return config


class Reticent(ConfigLoader):
    """Hydra's loader without anything that is not its documented interface."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader


for name in ConfigLoader.__abstractmethods__:
    setattr(Reticent, name, lambda self, *a, _name=name, **k: getattr(self._loader, _name)(*a, **k))
Reticent.__abstractmethods__ = frozenset()


class Otherwise(Reticent):
    """A loader whose private setter of values has come to do something else."""

    def _apply_overrides_to_config(self, overrides, cfg) -> None:
        self._loader._apply_overrides_to_config(overrides, cfg)
        cfg.epochs = 7


class Stricter(Reticent):
    """A loader whose private setter of values wants another argument."""

    def _apply_overrides_to_config(self, overrides, cfg, repository) -> None:
        raise AssertionError("nobody gives the new argument")


@pytest.mark.slow
@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize(
    ("changed", "shares"),
    [(lambda own: own, True), (Reticent, False), (Otherwise, False), (Stricter, False)],
    ids=["as it is", "without internals", "internals do otherwise", "internals want more"],
)
def test_a_job_gets_the_config_that_it_would_have_got_alone(loader, shared, changed, shares):
    config, alone = master(loader, shared=shared), master(loader)
    sharing = SharingLoader(changed(loader))
    for job in JOBS + JOBS:
        own, typed = loader.load_sweep_config(config, job), loader.load_sweep_config(alone, job)
        with read_write(own.hydra), read_write(own.hydra.job):  # what the sweep adds is not shown
            own.hydra.overrides.task = typed.hydra.overrides.task
            if not OmegaConf.is_interpolation(own.hydra.job, "override_dirname"):  # Hydra 1.3
                own.hydra.job.override_dirname = typed.hydra.job.override_dirname
        assert OmegaConf.to_yaml(sharing.load_sweep_config(config, job)) == OmegaConf.to_yaml(own)
    assert len(sharing.composed) < len(JOBS)
    if changed is not Stricter:
        assert sharing.can_share == shares


@pytest.mark.slow
def test_jobs_of_an_experiment_that_names_what_it_sweeps_get_its_config(loader):
    job = ["experiment=depth", "model.depth=2", "seed=1"]
    config, sharing = master(loader, "experiment=depth"), SharingLoader(loader)
    own = loader.load_sweep_config(config, job)
    assert OmegaConf.to_yaml(sharing.load_sweep_config(config, job)) == OmegaConf.to_yaml(own)
    assert sharing.can_share


def test_a_composition_is_made_once_for_jobs_that_differ_in_values(loader, monkeypatch):
    config, sharing = master(loader), SharingLoader(loader, is_proven=True)
    made = []
    compose = loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda *a: made.append(a) or compose(*a))
    for seed in range(5):
        assert sharing.load_sweep_config(config, [f"seed={seed}"]).seed == seed
    assert len(made) == 1


@pytest.mark.slow
def test_jobs_do_not_share_what_one_changes(loader):
    config, sharing = master(loader), SharingLoader(loader)
    sharing.load_sweep_config(config, ["seed=1"]).optimizer.lr = 9.0
    assert sharing.load_sweep_config(config, ["seed=2"]).optimizer.lr == 0.05


@pytest.mark.slow
def test_a_mistake_is_told_in_hydras_own_words(loader):
    config, sharing = master(loader), SharingLoader(loader)
    with pytest.raises(Exception, match=r".") as theirs:
        loader.load_sweep_config(config, ["optimizer.speed=1"])
    with pytest.raises(type(theirs.value)) as ours:
        sharing.load_sweep_config(config, ["optimizer.speed=1"])
    assert str(ours.value) == str(theirs.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed",
    [
        ["seed=1,2", "activation=relu,tanh"],
        ["seed=range(3)", "optimizer.lr=0.1", "seed=4,5"],  # the later of two
        ["data.train='a b.csv',c.csv", "tracking.experiment='x,y'", "+metrics=[ece],[f1]"],
        ["optimizer.lr=choice(1e-3,0.1)", "seed=shuffle(range(3))", "model=glob(*)"],
        ["compare.margin=null", "epochs=sort(3,1,2)"],
    ],
)
def test_jobs_are_those_of_hydras_own_sweeper(loader, typed):
    share_compositions()
    config = master(loader, *typed)
    first, again = ([[o.input_line for o in job] for job in job_overrides(config)] for _ in "ab")
    random.seed(0)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(typed)
    (theirs,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    assert len(theirs) > 1
    assert first == again == theirs


def test_an_interval_is_no_list_of_jobs(loader):
    share_compositions()
    with pytest.raises(InputError, match=r"^optimizer.lr=interval\(0,1\): must be values"):
        job_overrides(master(loader, "optimizer.lr=interval(0,1)"))


def test_values_of_which_there_are_none_are_refused(loader):
    share_compositions()
    with pytest.raises(InputError, match=r"^seed=range\(3,3\): must have a value at least$"):
        job_overrides(master(loader, "activation=relu,tanh", "seed=range(3,3)"))


def test_hydras_own_plugins_are_known_by_the_names_that_its_config_gives_them(loader):
    config = master(loader, "hydra/launcher=basic", "hydra/sweeper=basic")
    assert config.hydra.sweeper._target_ == hydra_internals.BASIC_SWEEPER
    assert config.hydra.launcher._target_ == hydra_internals.BASIC_LAUNCHER


def test_a_sweep_is_named_by_what_varies_first(loader):
    config = master(loader, "model=mlp", "epochs=3", "activation=relu,tanh", "seed=range(6)")
    share_compositions()
    assert question(config) == "activation=relu,tanh seed=range(6) model=mlp epochs=3"


@pytest.mark.slow
@pytest.mark.parametrize("sweep_id", ["5614247026164641", "12345678e0123456", "0a1b2c3d4e5f6071"])
def test_the_id_of_a_sweep_is_text_for_its_jobs(sweep_id, loader):
    config = master(loader)
    multirun.hand_on(config, id=sweep_id, uploads=False)
    job = loader.load_sweep_config(config, ["seed=1"])
    assert (job.sweep.id, job.sweep.uploads) == (sweep_id, False)
