"""The CSV files, read back as another program would."""

import csv
import math
from dataclasses import replace

import pytest

from src.compare.answer import Answer
from src.compare.csv_export import write_csv
from src.metrics import BUILT_IN, Direction, Metric, Unit
from tests.compare.records import arms, compare_runs, make_run


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path):
    runs = arms(sigmoid=[0.04, 0.02], relu=[0.03, 0.03])
    failed = make_run({"activation": "relu"}, 2, [0.5], status="KILLED", outcome="")
    write_csv(compare_runs([*runs, failed]), tmp_path)
    return tmp_path


def test_the_columns_are_the_interface(folder):
    headers = {path.name: path.read_text("utf-8").split("\n")[0] for path in folder.iterdir()}
    assert headers == {
        "summary.csv": "variant,n,test_error_mean,test_error_sd,best_val_error_mean,"
        "best_val_error_sd,final_val_error_mean,final_val_error_sd,train_error_mean,"
        "epoch_seconds_mean,diverged,failed",
        "pairs.csv": "a,b,verdict,difference,low,high,p_adjusted,a_better,n,mcnemar_p,p,p_holm,"
        "equivalence_low,equivalence_high,level,validation_verdict,reason",
        "runs.csv": "variant,seed,run_id,epoch,train_loss,train_error,val_loss,val_error,"
        "test_error,activation",
    }


def test_the_summary_has_the_means_and_deviations_of_the_usable_runs(folder):
    sigmoid, relu = read(folder / "summary.csv")
    assert float(sigmoid["best_val_error_mean"]) == pytest.approx(0.03)
    assert float(sigmoid["best_val_error_sd"]) == pytest.approx(0.01 * math.sqrt(2))
    assert float(sigmoid["test_error_mean"]) == pytest.approx(0.031)
    assert float(sigmoid["test_error_sd"]) == pytest.approx(0.01 * math.sqrt(2))
    assert float(sigmoid["epoch_seconds_mean"]) == 0.5
    assert (relu["n"], relu["diverged"], relu["failed"]) == ("2", "0", "1")


def test_a_pair_is_a_minus_b_as_a_fraction_and_unknown_is_empty(folder):
    (pair,) = read(folder / "pairs.csv")
    assert (pair["a"], pair["b"], pair["n"]) == ("activation=relu", "activation=sigmoid", "2")
    assert (pair["difference"], pair["a_better"], pair["p"]) == ("0", "1", "1")
    assert (pair["mcnemar_p"], pair["verdict"]) == ("", "undecided")


def test_runs_have_a_row_for_each_job_and_epoch_with_the_failed_ones(folder):
    rows = read(folder / "runs.csv")
    assert len(rows) == 4 * 2 + 1
    assert rows[0]["run_id"] == "activation=sigmoid seed=0"
    assert (rows[0]["activation"], rows[0]["test_error"]) == ("sigmoid", "0.041")
    assert [float(row["val_error"]) for row in rows[:2]] == [0.5, 0.04]


def test_a_lone_run_has_no_deviation_and_no_pair(tmp_path):
    write_csv(compare_runs([make_run({"model": "mlp"}, 0, [0.1])]), tmp_path)
    assert read(tmp_path / "summary.csv")[0]["best_val_error_sd"] == ""
    assert read(tmp_path / "pairs.csv") == []


def test_further_metrics_have_columns_of_each_epoch_and_of_the_test_set(tmp_path):
    known = BUILT_IN | {"ece": Metric("ece", Direction.MINIMIZE, Unit.PERCENT)}
    runs = []
    for name in ("relu", "sigmoid"):
        for seed in range(2):
            run = make_run({"activation": name}, seed, [0.5, 0.1], metrics=known)
            epochs = [
                replace(e, others={"val/ece": 0.1 * e.epoch, "dead/1": 0.5}) for e in run.epochs
            ]
            summary = {**run.summary, "test/ece": 0.25 + seed}
            runs.append(replace(run, epochs=tuple(epochs), summary=summary))
    write_csv(compare_runs(runs), tmp_path)
    rows = read(tmp_path / "runs.csv")
    assert [row["val_ece"] for row in rows[:2]] == ["0.1", "0.2"]
    assert [row["test_ece"] for row in rows[:4]] == ["0.25", "0.25", "1.25", "1.25"]
    assert not [name for name in rows[0] if "dead" in name]
    assert read(tmp_path / "summary.csv")[0]["test_ece_mean"] == "0.75"


def as_cell(value) -> str:
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def test_a_name_means_the_same_in_an_answer_and_in_its_files(tmp_path):
    seeds = [0.03, 0.032, 0.031, 0.035, 0.029, 0.03]
    found = compare_runs(arms(a=seeds, b=[0.9 * at for at in seeds], c=[*seeds[:5], 0.04]))
    write_csv(found, tmp_path)
    values = Answer(found).values
    for name, rows in (("pairs", values["pairs"]), ("summary", values["variants"])):
        for row, cells in zip(rows, read(tmp_path / f"{name}.csv"), strict=True):
            assert {key: as_cell(row[key]) for key in cells} == cells
    assert any(row["p"] < row["p_adjusted"] for row in values["pairs"])
