"""Figures before and after."""

import math
import statistics

import pytest

from src.crate.results import JobResult, agreements, dump, equal_curves, load
from src.errors import InputError


def job(error: float, seed: int = 0, model: str = "mlp", **more) -> JobResult:
    fields = {"status": "FINISHED", "outcome": "finished", "code": {"src/x.py": "0"}}
    fields |= {"dataset": {"name": "mnist", "digest": "d", "val": 1000}}
    fields |= {"summary": {"test/error": error}, "epochs": {"1": {"val/error": error}}} | more
    return JobResult(f"{model} {seed}", config={"model": model}, seed=str(seed), **fields)


def words(before, after) -> list[str]:
    return [*agreements(before, after)["repeat"]]


def test_results_come_back_to_the_bit():
    odd = [0.1 + 0.2, 5e-324, math.inf, 1 / 3]
    jobs = [job(value, seed) for seed, value in enumerate(odd)]
    assert load(dump(jobs).encode()) == jobs
    (nan,) = load(dump([job(math.nan)]).encode())
    assert math.isnan(nan.summary["test/error"])


@pytest.mark.parametrize("content", [b"", b"{}x", b"[1]", b'[{"name": 1}]', b'[{"evil": 1}]'])
def test_damaged_results_are_refused(content):
    with pytest.raises(InputError, match=r"results\.json: must be as this version writes it"):
        load(content)


def test_noise_is_twice_the_spread_over_the_seeds():
    errors = [0.02, 0.03, 0.025]
    before = [job(error, seed) for seed, error in enumerate(errors)]
    sd = statistics.stdev(errors)
    after = [job(0.02, 0), job(0.03 + 1.99 * sd, 1), job(0.025 - 2.01 * sd, 2)]
    assert words(before, after) == ["bitwise equal", "within noise", "differs"]
    assert equal_curves(before, after) == (1, 3)


def test_noise_of_one_seed_is_binomial():
    sd = math.sqrt(2 * 0.1 * 0.9 / 1000)
    assert words([job(0.1)], [job(0.1 + 1.99 * sd)]) == ["within noise"]
    assert words([job(0.1)], [job(0.1 + 2.01 * sd)]) == ["differs"]


def test_a_job_is_held_against_its_own_variant_and_seed():
    before = [job(0.1, 0, "mlp"), job(0.2, 0, "cnn")]
    assert words(before, [job(0.2, 0, "cnn"), job(0.1, 0, "mlp")]) == ["bitwise equal"] * 2
    assert words(before, [job(0.1, 1, "mlp")]) == []
    assert words([job(math.nan)], [job(math.nan)]) == ["bitwise equal"]
    assert words([job(0.1)], [job(math.nan)]) == ["differs"]
