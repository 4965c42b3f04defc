"""Devices that a job gets, on machines made up here."""

import pytest
import torch

from src.errors import InputError
from src.training.device import pick


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a machine with so many GPUs, or with Apple's."""

    def pretend(gpus=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("gpus", "mps", "found"),
    [(0, False, "cpu"), (2, False, "cuda:0"), (0, True, "mps"), (1, True, "cuda:0")],
)
def test_auto_is_the_first_of_cuda_mps_and_cpu(gpus, mps, found, machine):
    machine(gpus, mps)
    assert str(pick("auto", 0)) == found


def test_cpu_is_everywhere(machine):
    machine(gpus=2, mps=True)
    assert pick("cpu", 0) == torch.device("cpu")


def test_cuda_takes_an_index(machine):
    machine(gpus=2)
    assert pick("cuda", 1) == torch.device("cuda", 1)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(kind, machine):
    machine()
    with pytest.raises(InputError, match=f"^device={kind}: .*device=cpu always works"):
        pick(kind, 0)


def test_an_index_beyond_the_last_is_refused(machine):
    machine(gpus=2)
    with pytest.raises(InputError, match=r"^device.index=2: must be from 0 to 1"):
        pick("cuda", 2)


def test_a_kind_that_does_not_exist_is_refused(machine):
    machine()
    with pytest.raises(InputError, match=r"^device=tpu"):
        pick("tpu", 0)
