"""GPUs and workers of a machine, with a stub of the list of devices."""

from pathlib import Path

import pytest
import torch
from hydra_plugins.local_launcher import _capacity, _pool
from omegaconf import OmegaConf

from src.launching import Job, check_launcher

UUIDS = ["GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-0b1d0f8a-3f0e-4b3c-9d5d-0a4f0c3b7e11"]
MIG = ["MIG-8b5c3a1e-5c3a-5f6d-9a1e-111111111111", "MIG-GPU-8932f937-d72c-4106-c12f-20bd9f/1/0"]


@pytest.fixture
def gpus(monkeypatch):
    """A machine with so many GPUs, of which CUDA_VISIBLE_DEVICES shows some."""

    def install(count: int, visible: str | None = None) -> list[str]:
        files = [Path(f"/dev/nvidia{number}") for number in range(count)]
        monkeypatch.setattr(_capacity.Path, "glob", lambda *_: iter(files))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        return _capacity.shared_gpus(OmegaConf.create({"device": {"kind": "auto"}}))

    return install


def test_gpus_are_named_as_cuda_visible_devices_names_them(gpus):
    assert gpus(3) == ["0", "1", "2"]
    assert gpus(2, "4,6") == ["4", "6"]
    assert gpus(2, " 4, 6 ") == ["4", "6"], "CUDA passes over spaces"
    assert gpus(2, ",".join(UUIDS)) == UUIDS
    assert gpus(1, ",".join(MIG)) == MIG[:1], "CUDA shows one MIG instance to a process"
    assert gpus(0) == []
    assert gpus(0, "-1") == []
    assert gpus(0, "") == []


def test_what_cuda_does_not_see_is_given_to_nobody(gpus):
    assert gpus(1, "0,-1,1") == ["0"], "all after an index that is none is hidden"


def test_jobs_of_the_cpu_take_no_gpu(gpus):
    gpus(2)
    assert _capacity.shared_gpus(OmegaConf.create({"device": {"kind": "cpu"}})) == []


@pytest.mark.parametrize(
    ("wanted", "per_gpu", "count", "workers"),
    [("auto", 1, 2, 2), ("auto", 4, 2, 8), (5, 1, 2, 5), (1, 4, 2, 1)],
)
def test_there_are_so_many_workers_as_the_gpus_take(wanted, per_gpu, count, workers):
    assert _capacity.worker_count(wanted, per_gpu, list(map(str, range(count)))) == workers


class Worker:
    """A worker whose process is none."""

    def __init__(self, gpu: str | None) -> None:
        self.gpu, self.job, self.deadline = gpu, None, float("inf")
        self.conn = self
        self.process = self

    def begin(self, job: Job) -> None:
        self.job = job

    def close(self) -> None:
        pass


@pytest.fixture
def pool(monkeypatch):
    """A pool whose workers are none."""

    def make(gpus: list[str], workers: int) -> _pool.Pool:
        made = object.__new__(_pool.Pool)
        made.settings = {"timeout": None}
        made.multirun, made.shared, made.gpus, made.most = None, b"", gpus, workers
        made.workers, made.tries, made.returns = [], {}, {}
        made.waiting = _pool.deque(Job(number, "", ()) for number in range(2 * workers))
        made.tries = dict.fromkeys(range(2 * workers), 1)
        monkeypatch.setattr(_pool.Worker, "start", lambda shared, gpu, timeout: Worker(gpu))
        return made

    return make


def test_more_workers_than_gpus_share_them_evenly(pool):
    made = pool(UUIDS, workers=5)
    made.hand_out()
    assert [worker.gpu for worker in made.workers] == [UUIDS[k] for k in (0, 1, 0, 1, 0)]


def test_a_dead_worker_keeps_no_gpu(pool, monkeypatch):
    made = pool(["0", "1", "2"], workers=3)
    made.hand_out()
    dead = made.workers[1]
    dead.result = lambda: _pool.JobKilledError("killed")
    view = type("View", (), {"again": lambda *_: None})()
    made.take(dead, view)
    made.hand_out()
    assert [worker.gpu for worker in made.workers] == ["0", "2", "1"], "its GPU is the next one's"


def test_a_module_that_is_not_there_is_named_before_anything_starts():
    settings = {"workers": 1, "per_gpu": 1, "threads": 1, "timeout": None, "retries": 0}
    check_launcher({**settings, "preload": ["src.job"]})
    for name in ("nowhere", "src.nowhere", "nowhere.below", ""):
        with pytest.raises(ValueError, match=r"^hydra.launcher.preload: .*must be a module"):
            check_launcher({**settings, "preload": [name]})


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("timeout_min", ("abc", -1, 0)),
        ("mem_gb", ("abc", 0)),
        ("gpus_per_node", ("many", -1)),
        ("array_parallelism", (0, None)),
        ("setup", ("module load cuda",)),
        ("additional_parameters", ("nice=5",)),
        ("init.num_cpus", ("abc", -1)),
        ("remote.num_cpus", ("x", -1)),
        ("remote.num_gpus", ("half", -0.5)),
    ],
)
def test_a_setting_of_a_cluster_that_means_nothing_is_named_before_anything_starts(key, values):
    *above, name = key.split(".")
    for value in values:
        own = {above[0]: {name: value}} if above else {name: value}
        with pytest.raises(ValueError, match=rf"^hydra.launcher.{key}={value}: must be "):
            check_launcher(own)
