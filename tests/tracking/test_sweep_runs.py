"""The runs of a sweep that are used."""

import math

from src.compare.variants import find_variants
from src.tracking import sweep_runs
from src.tracking.job_record import JobRecord, Status
from src.tracking.journal import Journal


def record(folder, variant: str, error: float, **more) -> JobRecord:
    tags = {"outcome": "finished", "job": f"{variant} {error}"} | more.pop("tags", {})
    fields = {"status": Status.FINISHED, "summary": {"best/val_error": error}} | more
    fields |= {"params": {"model": variant, "seed": "1"} | more.get("params", {})}
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


def crossed(folder, errors: list[float]) -> list[JobRecord]:
    """Two seeds and two orders of the batches for each, whose seeds are the same numbers."""
    seeds = [(seed, order) for order in ("1", "2") for seed in ("1", "2")]
    return [
        record(folder, "mlp", error, params={"seed": seed, "order_seed": order})
        for (seed, order), error in zip(seeds, errors, strict=True)
    ]


def test_variants_are_those_of_the_comparison(tmp_path):
    found = crossed(tmp_path, [0.4, 0.3, 0.1, 0.2])
    compared = find_variants([each.run for each in found])
    groups = sweep_runs.by_variant(found)
    assert [[each.run for each in group] for group in groups] == [[*v.runs] for v in compared]
    assert sweep_runs.SweepRuns("", {}, {}, found).best_variant == found[2:]
    assert sweep_runs.siblings(found[0], found) == found[:2]


def test_what_names_a_variant_is_seen_from_all_runs_also_those_without_weights(tmp_path):
    found = crossed(tmp_path, [0.4, math.nan, math.nan, 0.2])
    assert sweep_runs.by_variant(found) == [found[:1], found[3:]]


def test_a_trial_has_its_like_among_trials(tmp_path):
    trials = [record(tmp_path, "a", error, tags={"role": "trial"}) for error in (0.1, 0.2)]
    found = [*trials, record(tmp_path, "a", 0.3)]
    assert sweep_runs.siblings(trials[0], found) == trials
    assert sweep_runs.siblings(found[2], found) == found[2:]
