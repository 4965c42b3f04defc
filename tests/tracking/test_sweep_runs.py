"""The runs of a sweep that are used."""

import math

from src.tracking import sweep_runs
from src.tracking.job_record import JobRecord, Status
from src.tracking.journal import Journal


def record(folder, variant: str, error: float, **more) -> JobRecord:
    tags = {"variant": variant, "outcome": "finished"} | more.pop("tags", {})
    fields = {"status": Status.FINISHED, "summary": {"best/val_error": error}} | more
    return JobRecord(Journal(folder), f"{variant} {error}", tags=tags, **fields)


def test_the_best_run_of_each_variant_comes_in_the_order_of_errors(tmp_path):
    found = [record(tmp_path, variant, error) for variant, error in (("a", 3), ("b", 2), ("a", 1))]
    assert [each.run_id for each in sweep_runs.best_of_variants(found)] == ["a 1", "b 2"]
    mean = sweep_runs.SweepRuns("", {}, {}, found).best_variant
    assert [each.run_id for each in mean] == ["a 3", "a 1"]  # mean 2, the first of equals


def test_runs_without_weights_and_trials_are_passed_over(tmp_path):
    found = [
        record(tmp_path, "a", 0.3),
        record(tmp_path, "a", 0.1, status=Status.FAILED),
        record(tmp_path, "a", math.nan),
        record(tmp_path, "a", math.inf),
        record(tmp_path, "a", 0.2, tags={"role": "trial"}),
    ]
    assert [each.run_id for each in sweep_runs.usable(found)] == ["a 0.3"]
