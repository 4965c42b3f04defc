"""The process that makes every variant once, before a sweep begins."""

import os
import signal
from unittest.mock import Mock

import psutil
import pytest
from omegaconf import OmegaConf
from until import until

from src.config.hydra_internals import BASIC_LAUNCHER
from src.errors import InputError
from src.sweep.compose import Composed
from src.sweep.preflight import check_parts
from src.training import components

HANGING = """
import pathlib, signal, time
from torch import nn

class Hanging(nn.ReLU):
    def forward(self, x):
        signal.signal(signal.SIGTERM, {handler})
        pathlib.Path({begun!r}).touch()
        time.sleep(1_000)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "handler"),
    [
        (signal.SIGINT, "signal.SIG_DFL"),
        (signal.SIGTERM, "signal.SIG_IGN"),
        (signal.SIGKILL, "signal.SIG_IGN"),
    ],
)
def test_a_model_that_hangs_in_it_ends_with_the_sweep(sent, handler, workplace, tmp_path):
    begun = tmp_path / "begun"
    (tmp_path / "hanging.py").write_text(HANGING.format(handler=handler, begun=str(begun)))
    search = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    process = workplace.start(
        *("data=mnist_5k", "data.n=200", "activation._target_=hanging.Hanging", "seed=0,1", "-m"),
        env=os.environ | {"PYTHONPATH": search},
    )
    until(begun.exists, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(sent)
    _, stderr = process.communicate()
    assert "Traceback" not in stderr
    _, alive = psutil.wait_procs(children, timeout=300)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


BROKEN = [f"+metrics.mine.{own}" for own in ("direction=minimize", "unit=none")]
BROKEN += ["+metrics.mine.function._target_=nowhere.measure"]


def made(*configs) -> list[str]:
    """The fingerprints of jobs, whose parts are made."""
    jobs = [Composed(each, None, False) for each in configs]
    sweep = OmegaConf.create({"hydra": {"launcher": {"_target_": BASIC_LAUNCHER}}})
    return [each.fingerprint for each in check_parts(sweep, jobs)]


@pytest.mark.slow
def test_parts_that_name_no_variant_are_made_as_well(config):
    with pytest.raises(InputError, match=r"^metrics.*nowhere"):
        made(*(config("data=digits", *metrics) for metrics in (["metrics=[ece]"], BROKEN)))


def test_files_of_one_name_are_each_tried(config, tmp_path):
    tables = [tmp_path / "narrow" / "t.csv", tmp_path / "wide" / "t.csv"]
    for table, lengths in zip(tables, ("length", "length,width"), strict=True):
        table.parent.mkdir()
        own = ",".join("1" for _ in lengths.split(","))
        rows = [f"{own},{'xy'[k % 2]}" for k in range(40)]
        table.write_text("\n".join([f"{lengths},kind", *rows]))
    linear = ["model._target_=torch.nn.Linear", "+model.in_features=1", "+model.out_features=2"]
    typed = ["data=table", "data.label=kind", "model=softmax", *linear, "~model.init"]
    jobs = [config(*typed, f"data.train={table}") for table in tables]
    assert len(made(jobs[0])) == 1
    with pytest.raises(InputError, match=r"^model=softmax: "):
        made(*jobs)


@pytest.mark.slow
def test_jobs_that_differ_in_seeds_alone_are_made_once(config, monkeypatch):
    monkeypatch.setattr(components, "build", (built := Mock()))
    seeds = ("seed=1", "seed=2", "order_seed=3", "data.split_seed=4", "init_seed=5")
    assert len({*made(*(config("data=digits", seed) for seed in seeds))}) == 5
    assert built.call_count == 1
