"""Optimizers without torch's compiler, against torch's own in a process of their own."""

import json
import subprocess
import sys

import pytest

from src.folders import ROOT

pytestmark = pytest.mark.slow

TRAINING = """
import json, sys, torch
if sys.argv[1] == "unwrapped":
    from src.training.eager import unwrap_optimizers
    unwrap_optimizers()
weights = {}
for name in ("SGD", "Adam", "AdamW", "RMSprop", "NAdam", "Adagrad", "Adafactor", "LBFGS"):
    torch.manual_seed(0)
    layer = torch.nn.Linear(20, 5)
    optimizer = getattr(torch.optim, name)(layer.parameters(), lr=0.01, weight_decay=0.1) \\
        if name != "LBFGS" else torch.optim.LBFGS(layer.parameters(), lr=0.01)
    def loss():
        optimizer.zero_grad()
        value = layer(torch.rand(8, 20)).square().sum()
        value.backward()
        return value
    for _ in range(4):
        optimizer.step(loss)
    optimizer.load_state_dict(optimizer.state_dict())
    weights[name] = [float(w).hex() for w in layer.weight.flatten()]
print(json.dumps([weights, "torch._dynamo" in sys.modules]))
"""


def trained(how: str) -> tuple[dict, bool]:
    command = [sys.executable, "-c", TRAINING, how]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(json.loads(told.stdout))


def test_weights_are_those_of_torch_bit_for_bit_without_its_compiler():
    plain, has_compiler = trained("plain")
    unwrapped, has_it_still = trained("unwrapped")
    assert unwrapped == plain
    assert has_compiler, "torch no longer needs this"
    assert not has_it_still


JOB = """
import runpy, sys
try:
    runpy.run_module("src.train", run_name="__main__", alter_sys=True)
finally:
    print("compiler" if "torch._dynamo" in sys.modules else "lean")
"""


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=cnn", "optimizer=adam", "clip_norm=1", "schedule=cosine"),
        ("diagnostics=true", "loss=mse", "optimizer=sgd", "schedule=step"),
    ],
)
def test_no_part_of_a_job_brings_the_compiler(overrides, workplace):
    command = [sys.executable, "-c", JOB, *workplace.overrides, *overrides]
    command += ["data=mnist_5k", "data.n=100", "epochs=1", "device=cpu"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.stdout.endswith("lean\n"), told.stdout + told.stderr
    assert "(finished)" in told.stdout
