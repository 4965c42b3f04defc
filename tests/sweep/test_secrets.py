"""Credentials of a multirun: in its jobs, and in nothing that Hydra writes."""

import stat

import cloudpickle
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import OmegaConf

from src.config.hydra_internals import MAIN, as_typed
from src.config.resolvers import register_resolvers
from src.config.shared_compositions import share_compositions
from src.folders import ROOT
from src.sweep.compose import job_overrides, question, resolved
from src.sweep.secrets import hide_secrets, make_private

PASSWORDS = ["xyzw9876", "xyzw/9876", "xyzw@9876", "xyzw 9876", "xyzw%2F9876", "xyzw:#9,876"]


@pytest.fixture
def master():
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):

        def composed(*overrides: str):
            loader = GlobalHydra.instance().config_loader()
            return loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)

        yield composed


def hints_of(password: str, text: str) -> list[str]:
    """The halves of the password that are in the text."""
    return [half for half in (password[:4], password[-4:]) if half in text]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "password"),
    [("http://me:{}@host:5000", password) for password in PASSWORDS]
    + [("http://host:5000?token={}", password) for password in (PASSWORDS[1], PASSWORDS[-1])],
)
def test_hydra_writes_no_password_and_jobs_get_it_all_the_same(master, template, password):
    uri = template.format(password)
    config = master("seed=1,2", f"tracking.uri='{uri}'", "compare.question=why")
    hide_secrets(config)
    assert not hints_of(password, OmegaConf.to_yaml(config))
    assert config.tracking.uri == uri
    assert resolved(config).nested["tracking"]["uri"] == uri
    share_compositions()
    loader = GlobalHydra.instance().config_loader()
    for job in job_overrides(config):
        own = loader.load_sweep_config(config, as_typed(job))
        assert own.tracking.uri == uri
        assert not hints_of(password, OmegaConf.to_yaml(own))
    assert question(config) == "seed=1,2"


def test_a_job_in_another_process_gets_the_password_with_hydras_state(master):
    config = master("tracking.uri='http://me:pw/12345@host'")
    hide_secrets(config)
    state, document = cloudpickle.dumps(Singleton.get_state()), OmegaConf.to_yaml(config.tracking)
    assert b"pw/12345" in state
    OmegaConf.clear_resolver("secret")
    before = Singleton.get_state()
    Singleton.set_state(cloudpickle.loads(state))
    assert OmegaConf.create(document).uri == "http://me:pw/12345@host"
    Singleton.set_state(before)


def test_a_config_without_credentials_stays_as_it_is(master):
    config = master("seed=1,2", "model=cnn")
    before = OmegaConf.to_yaml(config)
    hide_secrets(config)
    assert OmegaConf.to_yaml(config) == before


def test_the_record_of_a_multirun_is_for_its_owner_alone(master, tmp_path):
    make_private(tmp_path)
    OmegaConf.save(master(), tmp_path / "multirun.yaml")  # as Hydra's sweepers do
    assert stat.S_IMODE((tmp_path / "multirun.yaml").stat().st_mode) == 0o600
