"""Tables that fairsweep did not make, compared as scipy compares them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test

from src.compare.__main__ import main
from src.errors import InputError
from src.interface import compare

SEEDS = 9


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Accuracies of two methods on nine folds that both share."""
    draws = np.random.default_rng(3)
    folds = draws.normal(80, 5, SEEDS)
    values = {"a": folds + draws.normal(0, 1, SEEDS), "b": folds + draws.normal(1.2, 1, SEEDS)}
    rows = [
        {"method": method, "fold": f"fold {k}", "accuracy": value}
        for method, found in values.items()
        for k, value in enumerate(found)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0).sort_values("method", kind="stable")


def test_mean_and_p_are_those_of_scipys_paired_permutation_test(frame):
    (pair,) = compare(frame, value="accuracy", seed="fold", maximize=True).values["pairs"]
    wide = frame.pivot(index="fold", columns="method", values="accuracy")
    difference = (wide["b"] - wide["a"]).to_numpy()
    theirs = permutation_test((difference,), np.mean, permutation_type="samples", n_resamples=2**10)
    assert pair["n"] == SEEDS
    assert pair["difference"] == pytest.approx(difference.mean())
    assert pair["p"] == pytest.approx(theirs.pvalue)
    assert pair["low"] < difference.mean() < pair["high"]


def test_the_judged_column_has_its_own_name(frame):
    found = compare(frame, value="accuracy", seed="fold", maximize=True)
    assert found.values["question"] == "Does method change the accuracy?"
    assert "its accuracy is" in found.verdict


@pytest.mark.parametrize(("maximize", "verdict"), [(True, "better"), (False, "worse")])
def test_the_better_end_of_the_scale_is_said(maximize, verdict, frame):
    (pair,) = compare(frame, value="accuracy", seed="fold", maximize=maximize).values["pairs"]
    assert (pair["a"], pair["verdict"]) == ("method=b", verdict)


@pytest.mark.parametrize(("margin", "verdict"), [(0.0, "worse"), (5.0, "equivalent")])
def test_a_margin_is_in_the_unit_of_the_values(margin, verdict, frame):
    (pair,) = compare(frame, value="accuracy", seed="fold", margin=margin).values["pairs"]
    assert 0 < pair["low"] < pair["high"] < 5
    assert pair["verdict"] == verdict


def test_the_command_prints_json_alone_and_the_same_as_python(frame, tmp_path, capsys):
    file = tmp_path / "table.csv"
    frame.to_csv(file, index=False)
    line = ["--csv", str(file), "--value", "accuracy", "--seed", "fold", "--maximize", "--json"]
    main(line)
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.out.count("\n") == 1
    assert printed.err == ""
    assert list(found) == ["question", "verdict", "variants", "pairs"]
    judged = ["a", "b", "verdict", "difference", "low", "high", "p_adjusted", "a_better", "n"]
    further = ["mcnemar_p", "p", "p_holm", "equivalence_low", "equivalence_high", "level"]
    assert [*found["pairs"][0]] == [*judged, *further, "validation_verdict", "reason"]
    python = compare(frame, value="accuracy", seed="fold", maximize=True)
    assert found["verdict"] == python.verdict == repr(python)
    assert found["pairs"][0]["difference"] == pytest.approx(python.pairs["difference"][0])
    assert list(python.variants["n"]) == [SEEDS, SEEDS]


def test_tables_and_answer_are_printed_without_what_the_table_does_not_tell(
    frame, tmp_path, capsys
):
    file = tmp_path / "table.csv"
    frame.to_csv(file, index=False)
    main(["--csv", str(file), "--value", "accuracy", "--seed", "fold", "--maximize"])
    printed = capsys.readouterr().out
    assert "method=b" in printed
    assert "validation" not in printed
    assert "epoch" not in printed


GOOD = "method,seed,error\na,0,1\na,1,2\nb,0,2\nb,1,3\n"
WRONG = {
    "no such value": (GOOD, "erorr", "seed", r"^value=erorr: must be a col.*\(did you mean error"),
    "more columns than a line": (
        f"{','.join(map(str, range(99)))},seed\n{'1,' * 99}2\n",
        "error",
        "seed",
        "^value=error: must be a column; there are 0, 1, 2, .* 11, …$",
    ),
    "no such seed": (GOOD, "error", "fold", "^seed=fold: must be a column; there are method, seed"),
    "no factor": ("seed,error\n0,1\n", "error", "seed", "a further column must tell the variants"),
    "a word": (GOOD + "b,2,bad\n", "error", "seed", "^FILE:6: error=bad: must be a finite number"),
    "no finite value": (
        GOOD + "b,2,inf\n",
        "error",
        "seed",
        "^FILE:6: error=inf: must be a finite",
    ),
    "one column for both": (GOOD, "seed", "seed", "^seed=seed: must be another column than"),
    "a column twice": ("m,seed,m,error\na,0,b,1\n", "error", "seed", "m: must be the name of one"),
    "no name": (
        ",m,seed,error\n0,a,0,1\n",
        "error",
        "seed",
        ": column 1: must have a name in the h",
    ),
    "a seed twice": (
        GOOD + "b,1,4\n",
        "error",
        "seed",
        "^FILE:6: method=b has seed=1 already; must",
    ),
    "a short row": (GOOD + "\nb,2\n", "error", "seed", "^FILE:7: must have as many values"),
    "a long row": (GOOD + "b,2,3,4\n", "error", "seed", "^FILE:6: must have as many values"),
    "a header alone": ("method,seed,error\n", "error", "seed", "must have a header and a row"),
    "nothing": ("", "error", "seed", "must have a header and a row"),
}


@pytest.mark.parametrize(("text", "value", "seed", "line"), WRONG.values(), ids=WRONG)
def test_a_table_that_cannot_be_compared_is_refused(text, value, seed, line, tmp_path):
    file = tmp_path / "table.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=line.replace("FILE", str(file))) as refused:
        main(["--csv", str(file), "--value", value, "--seed", seed])
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "table.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="must be text, CSV that is saved as UTF-8"):
        main(["--csv", str(file), "--value", "v", "--seed", "s"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--csv t --value v", "^--seed: must be given, the name of a column$"),
        (
            "--csv t --value v --sead s",
            r"^--sead: unknown \(did you mean --seed\?\); must be one of",
        ),
        ("--csv t --value v --seed s --maximise", r"^--maximise: .* \(did you mean --maximize\?\)"),
        ("--csv t --value v --seed s --margn=3", r"^--margn: unknown \(did you mean --margin\?\)"),
        ("--csv t --value v --seed s --margin x", "^--margin=x: must be a number of at least 0$"),
        ("--csv t --value v --seed s --maximize=yes", "^--maximize: ignored .*; --help shows how$"),
        ("--csv t --value v --seed s more", "^more: unknown; must be one of --baseline, --csv"),
        ("--csv", "^--csv: expected one argument; --help shows how$"),
    ],
)
def test_an_option_that_is_none_is_told_with_the_nearest(words, line):
    with pytest.raises(InputError, match=line):
        main(words.split())


def test_a_baseline_that_is_none_is_refused_by_the_name_it_has_here(frame):
    with pytest.raises(InputError, match=r"^baseline=method=c: must be one of 'method=a', 'meth"):
        compare(frame, value="accuracy", seed="fold", baseline="method=c")


@pytest.mark.parametrize("margin", [-1.0, float("nan"), float("inf")])
def test_a_margin_is_a_number_of_at_least_0(margin, frame):
    with pytest.raises(InputError, match=f"^margin={margin}: must be a number of at least 0$"):
        compare(frame, value="accuracy", seed="fold", margin=margin)


def test_a_missing_value_is_a_run_without_an_outcome(frame):
    holes = frame.assign(accuracy=frame["accuracy"].where(frame["fold"] != "fold 3"))
    (pair,) = compare(holes, value="accuracy", seed="fold").values["pairs"]
    assert pair["n"] == SEEDS - 1


def test_a_row_of_a_frame_is_named_by_its_number(frame):
    again = pd.concat([frame, frame.tail(1)])
    with pytest.raises(InputError, match=rf"^row {len(again)}: method=b has fold=.* already; must"):
        compare(again, value="accuracy", seed="fold")


def test_a_row_without_a_column_of_the_first_is_refused():
    rows = [{"method": "a", "fold": 1, "error": 0.1}, {"method": "b", "fold": 1}]
    with pytest.raises(InputError, match=r"^row 2: error: must be given, as in the first row$"):
        compare(rows, value="error", seed="fold")
