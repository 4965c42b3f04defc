"""The process that makes every variant once, before a sweep begins."""

import os
import signal

import psutil
import pytest
from until import until

pytestmark = pytest.mark.slow

HANGING = """
import pathlib, signal, time
from torch import nn

class Hanging(nn.ReLU):
    def forward(self, x):
        signal.signal(signal.SIGTERM, {handler})
        pathlib.Path({begun!r}).touch()
        time.sleep(1_000)
"""


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
