"""Results that a tracking server has of jobs that were trained elsewhere."""

import pytest
from sqlalchemy import column, table

from src.tracking import mlflow_results, mlflow_source, mlflow_tables
from src.tracking.settings import TrackingSettings


@pytest.fixture
def store(workplace):
    artifacts = f"{workplace.folder}/artifacts"
    return TrackingSettings(workplace.uri, workplace.experiment, artifacts).connect()


def finished_run(store, fingerprint: str, variant: str, index: str) -> str:
    tags = {"fingerprint": fingerprint, "variant": f"model=mlp {variant}", "result_index": index}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    store.client.log_metric(run_id, "val/error", 0.25, step=1)
    store.client.log_artifact(run_id, __file__)  # a run whose files are gone is not taken
    store.client.set_terminated(run_id)
    return run_id


@pytest.mark.parametrize("source", ["database", "server", "database of another layout"])
def test_only_what_may_be_new_is_loaded(store, monkeypatch, source):
    loaded, search = [], mlflow_results.search
    monkeypatch.setattr(mlflow_results, "MAX_LISTED", 1)
    monkeypatch.setattr(mlflow_source, "PAGE", 1)

    def counting(*arguments):
        for run in search(*arguments):
            loaded.append(run.info.run_id)
            yield run

    monkeypatch.setattr(mlflow_results, "search", counting)
    if source == "server":
        monkeypatch.setattr(mlflow_results, "is_database", lambda uri: False)
    elif source != "database":
        columns = map(column, ("run_uuid", "key", "value"))
        monkeypatch.setattr(mlflow_tables, "TAGS", table("labels", *columns))
    wanted = finished_run(store, "a" * 16, "1" * 8, "there")
    finished_run(store, "b" * 16, "2" * 8, "there")  # another variant
    finished_run(store, "c" * 16, "1" * 8, "here")
    fingerprints = {"a" * 16, "d" * 16}

    def found(variants: list[str], known_index: str) -> tuple[list[str], int]:
        loaded.clear()
        found = mlflow_results.finished(store, fingerprints, variants, known_index)
        return [run_id for _, run_id, _ in found], len(loaded)

    counts = [1] * 4 if source == "database" else [1, 2, 2, 3]
    cases = [
        (["1" * 8, "3" * 8], "here"),
        (["1" * 8, "3" * 8], ""),  # where a result of this index is lost
        ([], "here"),  # of many variants
        ([], ""),
    ]
    for case, count in zip(cases, counts, strict=True):
        assert found(*case) == ([wanted], count)
