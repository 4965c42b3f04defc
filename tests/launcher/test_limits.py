"""Sweeps with few file handles and little memory, as `ulimit` sets them."""

import resource

import pytest

from tests.conftest import Workplace

SMALL = ("data=mnist_5k", "data.n=200", "epochs=1", "model=softmax", "figures=false", "threads=1")

pytestmark = pytest.mark.slow


def told(workplace: Workplace, limit: int, amount: int, *arguments: str) -> tuple[int, str]:
    """The exit status of a sweep under a limit, and what it says."""

    def confine() -> None:
        resource.setrlimit(limit, (amount, amount))

    process = workplace.start(*SMALL, *arguments, "-m", confine=confine)
    _, stderr = process.communicate()
    return process.returncode, stderr


def test_there_are_only_as_many_workers_as_file_handles_suffice_for(workplace):
    many = ("seed=range(8)", "hydra.launcher.workers=8")
    status, stderr = told(workplace, resource.RLIMIT_NOFILE, 24, *many)
    assert status == 0, stderr
    assert stderr.endswith("8 jobs: 8 trained\n")


def test_too_few_file_handles_are_told_in_a_line(workplace):
    status, stderr = told(workplace, resource.RLIMIT_NOFILE, 18)
    assert status == 1
    assert "Traceback" not in stderr
    assert stderr.endswith("ulimit -n 18: must be at least 21\n")


def test_too_little_memory_is_told_without_a_traceback(workplace):
    status, stderr = told(workplace, resource.RLIMIT_AS, 1_500_000 * 1024)
    assert status == 1
    assert "Traceback" not in stderr
    assert "no variant can be made (ImportError: " in stderr.splitlines()[-1]
