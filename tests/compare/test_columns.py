"""The same figures in the page, in the terminal and in the CSV files."""

import csv
import re

import pytest

from src.compare import write
from src.metrics import MINUS
from tests.compare.records import arms, compare_runs
from tests.compare.test_terminal import printed

PAIR_HEADINGS = ["verdict", "difference", "95 % interval", "p", "seeds better", "McNemar"]
VARIANT_HEADINGS = ["n", "test %", "best val %", "final val %", "train %", "s per epoch"]


@pytest.fixture(scope="module")
def comparison():
    return compare_runs(
        arms(sigmoid=[0.04, 0.05, 0.043], relu=[0.03, 0.0312, 0.04]), target_error=0.04
    )


@pytest.fixture(scope="module")
def folder(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write(comparison, folder, {})
    return folder


def page_rows(folder):
    """Cells of each row of the page, by the first cell; a variant's row, then its pair's."""
    text = (folder / "report.html").read_text("utf-8")
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in re.findall(r"<tr>.*?</tr>", text)]
    return [[cell.replace(MINUS, "-") for cell in row] for row in rows]


@pytest.mark.slow
def test_the_page_shows_the_values_of_the_csv_in_percent(folder):
    with (folder / "pairs.csv").open(encoding="utf-8") as file:
        (pair,) = csv.DictReader(file)
    with (folder / "summary.csv").open(encoding="utf-8") as file:
        summary = {row["variant"]: row for row in csv.DictReader(file)}
    _, sigmoid, relu, _, shown = page_rows(folder)
    for row in (sigmoid, relu):
        values = summary[row[0]]
        assert row[1] == values["n"]
        for cell, name in zip(
            row[2:5], ("test_error", "best_val_error", "final_val_error"), strict=True
        ):
            mean, sd = (f"{100 * float(values[f'{name}_{of}']):.2f}" for of in ("mean", "sd"))
            assert cell == f"{mean} ± {sd}"
        assert row[-2:] == [values["diverged"], values["failed"]]
    low, high = (f"{100 * float(pair[end]):+.2f}" for end in ("low", "high"))
    assert shown[:4] == [
        pair["a"], pair["verdict"], f"{100 * float(pair['difference']):+.2f}", f"{low} to {high}",
    ]  # fmt: skip
    assert shown[5] == f"{pair['a_better']}/{pair['n']}"


def test_page_and_terminal_have_the_same_headings_and_cells(comparison, folder):
    variants, *cells, pairs, pair = page_rows(folder)
    assert variants == [
        "variant", *VARIANT_HEADINGS, "epochs to 4.00 %", "seconds", "diverged", "failed",
    ]  # fmt: skip
    assert pairs == ["against activation=sigmoid", *PAIR_HEADINGS]
    lines = [" ".join(line.split()).replace(MINUS, "-") for line in printed(comparison).split("\n")]
    for label, *row in (*cells, pair):
        assert " ".join([label.removeprefix("activation="), *row]) in lines
