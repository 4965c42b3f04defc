"""Compositions that jobs share, against those that Hydra's own loader makes for each."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from src import ROOT
from src.config import register_resolvers
from src.sweep.composing import SharingLoader

JOBS = [
    ["seed=1"],
    ["seed=2", "optimizer.lr=0.3", "+optimizer.maximize=true"],
    ["seed=1", "activation=sigmoid"],
    ["optimizer.lr=0.3", "optimizer=adam"],
    ["model=cnn", "~schedule", "epochs=3"],
    ["recipe=sigmoid", "batch_size=7"],
    ["experiment=depth", "model.depth=2"],
    ["hydra.job.name=named", "seed=1"],
]


@pytest.fixture
def loader():
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


@pytest.mark.parametrize("shared", [[], ["threads=1", "sweep.id=abc", "sweep.fallback=true"]])
def test_a_job_gets_the_config_that_it_would_have_got_alone(loader, shared):
    master = loader.load_configuration("config", ["hydra/launcher=basic"], RunMode.MULTIRUN)
    master.hydra.overrides.hydra.extend(shared)
    sharing = SharingLoader(loader)
    for job in JOBS + JOBS:
        own = loader.load_sweep_config(master, job)
        assert OmegaConf.to_yaml(sharing.load_sweep_config(master, job)) == OmegaConf.to_yaml(own)
    assert len(sharing.composed) < len(JOBS)


def test_jobs_do_not_share_what_one_changes(loader):
    master = loader.load_configuration("config", [], RunMode.MULTIRUN)
    sharing = SharingLoader(loader)
    sharing.load_sweep_config(master, ["seed=1"]).optimizer.lr = 9.0
    assert sharing.load_sweep_config(master, ["seed=2"]).optimizer.lr == 0.05
