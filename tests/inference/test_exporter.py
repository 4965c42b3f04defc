"""Models exported by a process of their own, which are published as they are."""

import numpy as np
import pytest

from src.inference import publish, restore
from src.inference.exporter import Exporter, Trained
from src.inference.publish import Models, Publication

pytestmark = pytest.mark.slow  # torch.export takes seconds to import


@pytest.fixture
def sweep(runs):
    jobs = [(("model=softmax",), 0.1), (("model=mlp",), 0.2), (("model=mlp", "seed=1"), 0.3)]
    runs.sweep(*jobs)
    return runs.source.sweep("last")


def test_programs_of_another_process_become_the_models(
    runs, sweep, pictures, tmp_path, monkeypatch
):
    models = Publication(Models.BEST, frozenset())
    wanted = models.fetch(runs.store, sweep.records, tmp_path)
    assert [run.record.name for run in wanted] == ["model=softmax", "model=mlp"]
    programs = Exporter(()).export(wanted, tmp_path)
    assert programs.keys() == {run.record.job_id for run in wanted}
    monkeypatch.setattr(publish, "export", pytest.fail)  # nothing is left to export here
    line = models.publish(runs.store, sweep.records, programs)
    uri = line.removeprefix("Model: ").partition(" ")[0]
    published = restore.load(runs.store, uri)
    eager = restore.from_weights(runs.source.fetch, wanted[0].record)
    x = pictures[0][:3].float() / 255
    assert np.allclose(published.probabilities(x), eager.probabilities(x), atol=1e-6)
    assert published.classes == eager.classes
    assert models.fetch(runs.store, sweep.records, tmp_path) == []  # all are there


def test_what_the_process_cannot_export_is_left_to_the_publication(runs, sweep, tmp_path):
    models = Publication(Models.BEST, frozenset())
    softmax, mlp = models.fetch(runs.store, sweep.records, tmp_path)
    programs = Exporter(()).export([Trained(softmax.record, {}), mlp], tmp_path)
    assert programs.keys() == {mlp.record.job_id}
    line = models.publish(runs.store, sweep.records, programs)
    assert line.startswith("Model: models:/m-")
    assert line.endswith("(model=softmax)")


def test_a_process_that_has_died_exports_nothing(runs, sweep, tmp_path):
    exporter = Exporter(())
    exporter.process.kill()
    exporter.process.join()
    wanted = Publication(Models.BEST, frozenset()).fetch(runs.store, sweep.records, tmp_path)
    assert exporter.export(wanted, tmp_path) == {}
