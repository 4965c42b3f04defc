"""Multiruns whose jobs depend on results, before any job is run."""

from types import SimpleNamespace

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from src.config.hydra_internals import MAIN
from src.config.resolvers import register_resolvers
from src.folders import ROOT
from src.sweep import growing
from src.tracking.journal import Journal
from src.tracking.sweep_journals import SweepJournals


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "asks"), [("local", False), ("ray", True), ("slurm", True)])
def test_a_look_asks_the_server_for_jobs_elsewhere(launcher, asks, tmp_path, monkeypatch):
    known: list[list[int]] = []
    uploader = SimpleNamespace(attempt=lambda _, *numbers: known.extend(numbers))
    monkeypatch.setattr(growing, "start_uploader", lambda: uploader)
    monkeypatch.setattr(growing, "undecided_arms", lambda *_: ["activation=relu"])
    register_resolvers()
    typed = ["activation=relu,gelu", "seed=auto", "compare.looks=[6,8]"]
    typed += [f"hydra/launcher={launcher}", f"hydra.sweep.dir={tmp_path}"]
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", typed, RunMode.MULTIRUN)
        rounds = growing.make_rounds(config, SweepJournals(Journal(tmp_path)))
        assert rounds.undecided() == ["activation=relu"]
    assert known == ([[]] if asks else [])
