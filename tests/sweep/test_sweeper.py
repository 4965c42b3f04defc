"""The project's sweeper, with a launcher that returns what a test says."""

from contextlib import contextmanager
from types import SimpleNamespace

import hydra_plugins.fair_sweeper
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.fair_sweeper import FairSweeper
from omegaconf import OmegaConf

from src.config.hydra_internals import failed


def test_a_failed_job_fails_the_sweep_also_where_its_journal_does_not_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(hydra_plugins.fair_sweeper, "depends_on_results", lambda config: False)
    monkeypatch.setattr(hydra_plugins.fair_sweeper, "launched_lines", lambda config: [["a=1"]])
    done = JobReturn(status=JobStatus.COMPLETED)
    done.return_value = 0.5
    results = [done, failed(OSError("no room"))]
    sweeper = FairSweeper()
    sweeper.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    sweeper.launcher = SimpleNamespace(launch=lambda jobs, initial_job_idx: results)
    with pytest.raises(OSError, match="no room"):
        sweeper.sweep([])
    results.pop()
    assert sweeper.sweep([]) == [[done]]


@pytest.mark.parametrize("launcher", ["streams", "takes batches"])
def test_a_failed_job_fails_a_sweep_of_rounds_whose_searches_end_in_good_order(
    launcher, tmp_path, monkeypatch
):
    done = JobReturn(status=JobStatus.COMPLETED)
    done.return_value = 0.5
    results = [done, failed(OSError("no room"))]
    batches = iter([[SimpleNamespace(number=n, overrides=()) for n in range(2)], []])
    has_ended = []

    @contextmanager
    def rounds(config):
        yield SimpleNamespace(next=lambda ended: next(batches))
        has_ended.append(True)

    monkeypatch.setattr(hydra_plugins.fair_sweeper, "depends_on_results", lambda config: True)
    monkeypatch.setattr(hydra_plugins.fair_sweeper, "open_rounds", rounds)
    sweeper = FairSweeper()
    sweeper.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    if launcher == "streams":
        sweeper.launcher = SimpleNamespace(stream=lambda source: results)
    else:
        sweeper.launcher = SimpleNamespace(launch=lambda jobs, initial_job_idx: results)
    with pytest.raises(OSError, match="no room"):
        sweeper.sweep([])
    assert has_ended
