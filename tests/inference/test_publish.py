"""Models of MLflow, made of runs that are at the server."""

import os

import numpy as np
import pytest
import torch

from src.inference import restore
from src.inference.publish import Models, Publication, chosen_runs, publish_run
from src.tracking.sweep_runs import best_of_variants, ranked

pytestmark = pytest.mark.slow  # torch.export takes seconds to import


@pytest.fixture(scope="module")
def sweep(runs):
    jobs = [
        (f"model={model}", f"seed={seed}") for model in ("softmax", "mlp", "cnn") for seed in (0, 1)
    ]
    runs.sweep(*zip(jobs, (0.2, 0.21, 0.11, 0.1, 0.05, float("nan")), strict=True))
    return runs.source.sweep("last")


def names(records) -> list[str]:
    return [record.name for record in records]


def test_best_is_the_best_run_of_each_variant_and_all_is_all_that_finished(sweep):
    best = ["model=cnn seed=0", "model=mlp seed=1", "model=softmax seed=0"]
    assert names(chosen_runs(sweep.records, Models.BEST)) == best
    others = ["model=mlp seed=0", "model=softmax seed=1"]
    assert names(chosen_runs(sweep.records, Models.ALL)) == [
        *best[:2],
        others[0],
        best[2],
        others[1],
    ]
    assert chosen_runs(sweep.records, Models.NONE) == []


def test_a_model_gives_its_runs_logits_for_any_number_of_examples(runs, sweep, pictures):
    for record in best_of_variants(sweep.records):
        eager = restore.from_weights(runs.source.fetch, record)
        published = restore.load(runs.store, f"models:/{publish_run(runs.store, record)}")
        for n in (1, 2, 7):
            x = pictures[0][:n].float() / 255
            with torch.inference_mode():
                (ours,), (theirs,) = eager.members, published.members
                assert (ours(x) - theirs(x)).abs().max() < 1e-5
        assert published.classes == eager.classes == tuple("0123456789")


def test_a_model_is_linked_to_run_metrics_dataset_and_config(runs, sweep):
    record = best_of_variants(sweep.records)[0]
    model_id = publish_run(runs.store, record)
    assert publish_run(runs.store, record) == model_id  # once
    client = runs.store.client
    model = client.get_logged_model(model_id)
    assert model.source_run_id == record.run_id
    assert str(model.status) == "READY"
    run = client.get_run(record.run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model_id]
    found = {metric.key: metric for metric in model.metrics}
    assert found["best/val_error"].value == 0.05
    assert found["best/val_error"].dataset_digest == record.dataset["digest"]
    assert len(client.get_metric_history(record.run_id, "best/val_error")) == 1
    assert model.params["model"] == "cnn"
    kept = client.list_logged_model_artifacts(model_id, "extra_files")
    assert [file.path for file in kept] == ["extra_files/config.yaml"]


def test_mlflows_own_loaders_take_a_model(runs, sweep, pictures, tmp_path):
    import mlflow

    record = best_of_variants(sweep.records)[1]
    uri = f"models:/{publish_run(runs.store, record)}"
    mlflow.set_tracking_uri(runs.store.uri)
    try:
        x = (pictures[0][:5].float() / 255).numpy()
        program = mlflow.pytorch.load_model(uri)
        served = mlflow.pyfunc.load_model(uri)
    finally:
        mlflow.set_tracking_uri(None)
    logits = program(torch.from_numpy(x)).detach().numpy()
    assert np.abs(served.predict(x) - logits).max() < 1e-6
    assert served.metadata.signature.inputs.inputs[0].shape == (-1, 1, 28, 28)
    assert served.metadata.signature.outputs.inputs[0].shape == (-1, 10)
    assert served.metadata.flavors["pytorch"]["code"] is None


def test_mlflows_addresses_are_as_they_were_after_a_model_was_logged(runs, sweep):
    addresses = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
    before = [os.environ.get(name) for name in addresses]
    publish_run(runs.store, best_of_variants(sweep.records)[0])
    assert [os.environ.get(name) for name in addresses] == before


def test_what_cannot_be_made_a_model_costs_a_line(runs, sweep):
    gone = ranked(sweep.usable)[0]
    other = runs.job(("model=softmax", "seed=5"))
    record = runs.source.run(other)
    (runs.workplace.folder / "artifacts" / other / "artifacts" / "model.pt").unlink()
    line = Publication(Models.ALL, frozenset()).publish(runs.store, [record, gone], {})
    first, second = line.splitlines()
    assert first.startswith("Model: models:/m-")
    assert first.endswith("(model=cnn seed=0)")
    assert second.startswith("warning: no MLflow model of model=softmax seed=5: run=")
